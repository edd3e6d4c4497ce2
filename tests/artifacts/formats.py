#!/usr/bin/env python3
"""Makes model files with the real libraries, and compares what the gate says of them with what is known.

    formats.py --modelgate BINARY [--keep DIRECTORY]
    formats.py --samples DIRECTORY

Every file is made here, nothing in it is ever loaded, and what is dangerous in a file is inert: a Lambda that doubles
numbers, a graph that would read a file if somebody ran it. With `--samples`, the small files that the unit tests read
are written, compressed; those of Keras 2 need the package tf_keras besides (which wants all of TensorFlow).
"""

import argparse
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1", TF_ENABLE_ONEDNN_OPTS="0")

import numpy as np

ROWS = np.random.RandomState(0).rand(60, 3)
LABELS = (ROWS[:, 0] > 0.5).astype(int)
NAMES = ["age", "income", "debt"]

MANIFEST = """\
version: 1
model: {name: formats, version: '1', owner: o, task: regression, purpose: files of many libraries}
intake:
  exposure: internal
  decision_role: informs
  domain: other
  autonomy: human-in-the-loop
  data_classes: [public]
  jurisdictions: [EU]
  people_affected_per_year: 1
artifacts:
"""


def expect(format, risks=(), **metadata):
    return {"format": format, "risks": sorted(risks), "metadata": metadata}


def onnx_files(at):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def model(*nodes, opsets=()):
        weights = numpy_helper.from_array(np.zeros((4, 2), np.float32), "w")
        value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
        graph = helper.make_graph(list(nodes), "g", [value("x", 4)], [value("y", 2)], [weights])
        imports = [helper.make_opsetid("", 21), *opsets]
        return helper.make_model(graph, opset_imports=imports, ir_version=10, producer_name="test", producer_version="7")

    multiply = helper.make_node("MatMul", ["x", "w"], ["y"])
    facts = {"framework": "onnx", "framework_version": "7", "parameters": 8, "inputs": ["x"], "outputs": ["y"]}
    onnx.save(model(multiply), at / "inline.onnx")
    yield "inline.onnx", expect("onnx", **facts)
    onnx.save(model(multiply), at / "external.onnx", save_as_external_data=True, location="w.data", size_threshold=0)
    yield "external.onnx", expect("onnx", **facts)
    yield "w.data", expect("unknown", ["unknown-format"])
    custom = helper.make_node("Fast", ["x", "w"], ["y"], domain="com.example")
    onnx.save(model(custom, opsets=[helper.make_opsetid("com.example", 1)]), at / "custom.onnx")
    yield "custom.onnx", expect("onnx", custom_code=["com.example::Fast"])


def tensorflow_files(at):
    import tensorflow as tf

    class Plain(tf.Module):
        def __init__(self):
            self.w = tf.Variable(tf.ones([4, 2]), name="w")

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="features")])
        def __call__(self, x):
            return {"score": tf.matmul(x, self.w)}

    class Reads(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string, name="path")])
        def __call__(self, x):
            tf.io.write_file("/nowhere", x)
            return {"out": tf.io.read_file(x)}

    class Calls(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="x")])
        def __call__(self, x):
            return {"out": tf.py_function(lambda value: value, [x], tf.float32)}

    version = tf.__version__
    for name, module, risks, facts in [
        ("plain", Plain(), [], {"parameters": 8, "inputs": ["features"], "outputs": ["score"]}),
        ("reads", Reads(), ["tensorflow-dangerous-operator"] * 2, {"inputs": ["path"], "outputs": ["out"]}),
        ("calls", Calls(), ["tensorflow-dangerous-operator"], {"inputs": ["x"]}),
    ]:
        tf.saved_model.save(module, str(at / name))
        yield f"{name}/saved_model.pb", expect("saved-model", risks, framework="tensorflow", framework_version=version, **facts)
        yield f"{name}/fingerprint.pb", expect("saved-model", framework="tensorflow")
    yield "plain/variables/variables.index", expect("tensorflow-checkpoint", framework="tensorflow")
    graph = tf.function(lambda x: tf.matmul(x, tf.ones([4, 2])))
    graph = graph.get_concrete_function(tf.TensorSpec([None, 4], tf.float32, name="x")).graph
    (at / "frozen.pb").write_bytes(graph.as_graph_def().SerializeToString())
    yield "frozen.pb", expect("graph-def", framework="tensorflow")
    convert = lambda name: tf.lite.TFLiteConverter.from_saved_model(str(at / name))
    (at / "plain.tflite").write_bytes(convert("plain").convert())
    yield "plain.tflite", expect("tflite", framework="tensorflow-lite", parameters=8, inputs=["features"], outputs=["score"])
    flex = convert("reads")
    flex.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    (at / "flex.tflite").write_bytes(flex.convert())
    custom = ["FlexReadFile", "FlexWriteFile"]
    yield "flex.tflite", expect("tflite", ["tensorflow-dangerous-operator"] * 2, custom_code=custom)


def keras_files(at):
    import keras
    from keras import layers

    @keras.saving.register_keras_serializable(package="mine")
    class Mine(layers.Layer):
        def call(self, x):
            return x

    def named(x):
        return x

    def model(name, *more):
        keras.utils.clear_session()
        # The random places of shared objects would make each file another one.
        ends = [keras.Input((4,), name="features")], [layers.Dense(2, name="score")]
        return keras.Sequential([*ends[0], *more, *ends[1]], name=name)

    facts = {"framework": "keras", "framework_version": keras.__version__, "architecture": "Sequential"}
    facts |= {"inputs": ["features"], "outputs": ["score"], "parameters": 10}
    for name, more, risks, code in [
        ("dense", [], [], []),
        ("lambda", [layers.Lambda(lambda x: x * 2)], ["keras-lambda"], []),
        ("custom", [Mine()], [], ["mine>Mine"]),
        ("named", [layers.Lambda(named)], ["keras-lambda-function"], ["named"]),
    ]:
        built = model(name, *more)
        for suffix, format in [("keras", "keras"), ("h5", "hdf5")]:
            built.save(at / f"{name}.{suffix}")
            yield f"{name}.{suffix}", expect(format, risks, custom_code=code, **facts)
    compiled = model("compiled")
    compiled.compile("adam", "mse")
    compiled.fit(np.zeros((2, 4)), np.zeros((2, 2)), verbose=0)
    compiled.save(at / "compiled.keras")
    yield "compiled.keras", expect("keras", **facts)
    model("weights").save_weights(at / "only.weights.h5")
    yield "only.weights.h5", expect("hdf5", parameters=10)
    for name, change, risks in [
        ("exec", lambda layer: layer.update(module="builtins", class_name="exec"), ["keras-arbitrary-module"]),
        ("system", lambda layer: layer.update(module="os", class_name="system"), ["keras-arbitrary-module"]),
        ("get_file", as_function("keras.utils", "get_file"), ["keras-lambda-function", "keras-unsafe-function"]),
        ("unsafe", as_function("keras.config", "enable_unsafe_deserialization"), ["keras-lambda-function", "keras-unsafe-function"]),
        ("torch", lambda layer: layer.update(module="keras.layers", class_name="TorchModuleWrapper"), ["keras-torch-module"]),
        ("words", as_lookup("/etc/hostname"), ["keras-loads-file"]),
    ]:
        rewrite(at / "dense.keras", at / f"{name}.keras", change)
        yield f"{name}.keras", expect("keras", risks)


def as_function(module, name):
    function = {"module": module, "class_name": "function", "config": name, "registered_name": "function"}
    return lambda layer: layer.update(class_name="Lambda", config={"name": "l", "function": function, "arguments": {}})


def as_lookup(path):
    return lambda layer: layer.update(class_name="StringLookup", config={"name": "l", "vocabulary": path})


def rewrite(source, target, change):
    """Changes the configuration of the last layer in an archive."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for member in old.infolist():
            content = old.read(member)
            if member.filename == "config.json":
                config = json.loads(content)
                change(config["config"]["layers"][-1])
                content = json.dumps(config).encode()
            new.writestr(member, content)


def hdf5_files(at):
    import h5py

    with h5py.File(at / "plain.h5", "w") as file:
        file.create_group("a/b/c").create_dataset("w", data=np.zeros((3, 4), "f4"), chunks=(3, 2), compression="gzip")
    yield "plain.h5", expect("hdf5", parameters=12)
    with h5py.File(at / "new.h5", "w", libver="latest") as file:
        file.attrs["model_config"] = np.bytes_(json.dumps({"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}}))
        file.create_group("model_weights").create_dataset("w", data=np.zeros(5, "f4"))
    yield "new.h5", expect("hdf5", ["keras-lambda"], framework="keras", parameters=5)
    with h5py.File(at / "many.h5", "w", libver="latest") as file:
        for number in range(20):
            file.attrs[f"attribute {number}"] = number
    yield "many.h5", expect("hdf5", ["hdf5-not-inspected"])
    with h5py.File(at / "outside.h5", "w") as file:
        file["link"] = h5py.ExternalLink("other.h5", "/w")
        file["soft"] = h5py.SoftLink("/w")
        file.create_dataset("raw", (4,), "f4", external=[("/etc/hostname", 0, 16)])
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "w", (4,))
        file.create_virtual_dataset("virtual", layout)
    yield "outside.h5", expect("hdf5", ["hdf5-leads-outside"] * 3 + ["hdf5-soft-link"])
    with h5py.File(at / "number.h5", "w") as file:
        file.attrs["keras_version"] = "2.12.0"
        file.attrs["model_config"] = 7
    yield "number.h5", expect("hdf5", ["keras-config-not-inspected"], framework="keras", framework_version="2.12.0")
    with h5py.File(at / "behind.h5", "w", userblock_size=512) as file:
        file.attrs["model_config"] = "{}"
    with open(at / "behind.h5", "r+b") as file:
        file.write(b"a text with something behind it\n")
    yield "behind.h5", expect("unknown", ["polyglot", "unknown-format"])


def skops_files(at):
    import sklearn
    import skops.io
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    facts = {"framework": "scikit-learn", "framework_version": sklearn.__version__}
    skops.io.dump(make_pipeline(StandardScaler(), LogisticRegression()).fit(ROWS, LABELS), at / "pipeline.skops")
    yield "pipeline.skops", expect("skops", architecture="Pipeline", custom_code=[], **facts)
    skops.io.dump(RandomForestClassifier(3).fit(ROWS, LABELS), at / "forest.skops")
    yield "forest.skops", expect("skops", architecture="RandomForestClassifier", custom_code=[], **facts)
    skops.io.dump(FunctionTransformer(np.log1p), at / "log.skops")
    yield "log.skops", expect("skops", architecture="FunctionTransformer", custom_code=[], **facts)
    skops.io.dump(FunctionTransformer(json.dumps), at / "json.skops")
    yield "json.skops", expect("skops", ["skops-unknown-type"], custom_code=["json.dumps"])
    skops.io.dump(FunctionTransformer(os.system), at / "system.skops")
    yield "system.skops", expect("skops", ["skops-dangerous-type"], custom_code=["posix.system"])


def tree_files(at):
    import catboost
    import lightgbm
    import pandas
    import xgboost

    booster = xgboost.train(
        {"objective": "binary:logistic", "max_depth": 2}, xgboost.DMatrix(ROWS, LABELS, feature_names=NAMES), 3
    )
    facts = {"framework": "xgboost", "framework_version": xgboost.__version__, "architecture": "gbtree", "inputs": NAMES}
    for suffix in ["json", "ubj"]:
        booster.save_model(at / f"xgboost.{suffix}")
        yield f"xgboost.{suffix}", expect("xgboost", **facts)
    settings = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 2, "num_leaves": 4, "boosting": "dart"}
    lightgbm.train(settings, lightgbm.Dataset(ROWS, LABELS, feature_name=NAMES), 3).save_model(at / "lightgbm.txt")
    yield "lightgbm.txt", expect("lightgbm", framework="lightgbm", architecture="dart", inputs=NAMES)
    table = pandas.DataFrame(ROWS, columns=NAMES).assign(town=["a", "b", "c"] * 20)
    for suffix, names, features, categories in [("named", [*NAMES, "town"], table, ["town"]), ("plain", [], ROWS, None)]:
        classifier = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=0, allow_writing_files=False)
        classifier.fit(features, LABELS, cat_features=categories)
        facts = {"framework": "catboost", "framework_version": catboost.__version__, "inputs": names}
        classifier.save_model(at / f"{suffix}.cbm")
        yield f"{suffix}.cbm", expect("catboost", **facts)
        if not categories:
            classifier.save_model(at / f"{suffix}.json", format="json")
            yield f"{suffix}.json", expect("catboost", **facts)
    # The last classifier has only numbers, which is what these forms can hold.
    classifier.save_model(at / "catboost.pmml", format="pmml")
    yield "catboost.pmml", expect("pmml", framework="pmml", architecture="MiningModel", outputs=["prediction"])
    classifier.save_model(at / "catboost.mlmodel", format="coreml")
    yield "catboost.mlmodel", expect("coreml", framework="coreml", architecture="treeEnsembleRegressor", outputs=["prediction"])


def coreml_files(at):
    import coremltools
    from coremltools.converters.mil import Builder
    from coremltools.proto import Model_pb2

    @Builder.program(input_specs=[Builder.TensorSpec(shape=(1, 4))])
    def program(x):
        return Builder.relu(x=x, name="score")

    facts = {"framework": "coreml", "framework_version": coremltools.__version__, "licence": "MIT"}
    facts |= {"inputs": ["x"], "outputs": ["score"]}
    for kind, architecture, path in [
        ("neuralnetwork", "neuralNetwork", "network.mlmodel"),
        ("mlprogram", "mlProgram", "program.mlpackage"),
    ]:
        model = coremltools.convert(program, convert_to=kind)
        model.license = "MIT"
        model.save(str(at / path))
        inside = "" if path.endswith(".mlmodel") else "/Data/com.apple.CoreML/model.mlmodel"
        yield f"{path}{inside}", expect("coreml", architecture=architecture, custom_code=[], **facts)
    yield "program.mlpackage/Manifest.json", expect("json")
    custom = Model_pb2.Model()
    custom.ParseFromString((at / "network.mlmodel").read_bytes())
    custom.neuralNetwork.layers.add(name="own").custom.className = "MyLayer"
    (at / "custom.mlmodel").write_bytes(custom.SerializeToString())
    yield "custom.mlmodel", expect("coreml", custom_code=["MyLayer"])


def other_files(at):
    import pyarrow as pa
    import pyarrow.parquet as pq
    import sentencepiece

    np.save(at / "array.npy", np.zeros((3, 4), np.float32))
    yield "array.npy", expect("numpy", framework="numpy", parameters=12)
    np.save(at / "records.npy", np.zeros(3, [("a", "<i4"), ("b", "<U5")]))
    yield "records.npy", expect("numpy", parameters=3)
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    pq.write_table(table, at / "table.parquet")
    yield "table.parquet", expect("parquet")
    for name, writer in [("file.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)]:
        with writer(at / name, table.schema) as out:
            out.write_table(table)
        yield name, expect("arrow")
    model = io.BytesIO()
    texts = ["hello world this is a text", "another text of words here", "the quick brown fox jumps over"] * 20
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=60, model_type="bpe", minloglevel=2
    )
    (at / "tokenizer.model").write_bytes(model.getvalue())
    yield "tokenizer.model", expect("sentencepiece", framework="sentencepiece", architecture="bpe")
    shutil.copy(sys.executable, at / "program")
    yield "program", expect("native-code", ["native-code"])
    (at / "run.sh").write_text("#!/bin/sh\nexit 0\n")
    yield "run.sh", expect("script", ["script"])


MAKERS = [
    onnx_files, tensorflow_files, keras_files, hdf5_files, skops_files, tree_files, coreml_files, other_files,
]  # fmt: skip


def compare(binary, at, expected):
    lines = "".join(f"  - {{path: {json.dumps(path)}, role: model}}\n" for path in expected)
    (at / "modelgate.yaml").write_text(MANIFEST + lines)
    done = subprocess.run([binary, "facts", at], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"modelgate facts: exit {done.returncode}\n{done.stderr}")
    failures = 0
    found = {artifact["path"]: artifact for artifact in json.loads(done.stdout)["artifacts"]}
    for path, wanted in expected.items():
        artifact = found[path]
        seen = {
            "format": artifact["format"],
            "risks": sorted(risk["code"] for risk in artifact["risks"]),
            "metadata": {key: artifact["metadata"][key] for key in wanted["metadata"]},
        }
        if seen != wanted:
            failures += 1
            print(f"{path}\n  wanted {wanted}\n  found  {seen}\n  {artifact['risks']}")
    print(f"{len(expected) - failures} passed, {failures} failed")
    return failures


# What the unit tests read. Files of Keras 2 are made where its package is.
SAMPLES = [
    "array.npy", "catboost.pmml", "custom.h5", "custom.mlmodel", "dense.h5", "dense.keras", "file.arrow", "flex.tflite", "json.skops",
    "lambda.h5", "lambda.keras", "lightgbm.txt", "log.skops", "named.cbm", "network.mlmodel", "new.h5", "outside.h5", "plain.cbm",
    "plain.json", "plain.tflite", "plain/variables/variables.index", "program.mlpackage/Data/com.apple.CoreML/model.mlmodel",
    "stream.arrow", "table.parquet", "xgboost.json", "xgboost.ubj",
]  # fmt: skip


def keras_2_files(at):
    try:
        import tf_keras as keras
    except ImportError:
        return
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Dense(2)])
    model.save(at / "keras2")
    model.save(at / "keras2.h5")
    yield from ["keras2/keras_metadata.pb", "keras2.h5"]


def write_samples(at, target):
    target.mkdir(parents=True, exist_ok=True)
    for path in [*SAMPLES, *keras_2_files(at)]:
        content = gzip.compress((at / path).read_bytes(), mtime=0)
        (target / (path.replace("/", "-") + ".gz")).write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modelgate", type=Path)
    parser.add_argument("--keep", type=Path, help="where to leave the files")
    parser.add_argument("--samples", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        at = arguments.keep or Path(directory)
        at.mkdir(parents=True, exist_ok=True)
        expected = dict(entry for maker in MAKERS for entry in maker(at))
        if arguments.samples:
            write_samples(at, arguments.samples)
        if arguments.modelgate:
            sys.exit(1 if compare(arguments.modelgate, at, expected) else 0)


if __name__ == "__main__":
    main()
