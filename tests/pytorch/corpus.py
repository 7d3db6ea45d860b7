"""The judge of tests/pytorch/differential.ts: files as PyTorch writes them and as it never would, and what it reads of them.

    python3 corpus.py make DIRECTORY     writes the files, and files.json: [{"file", "exception"}]
    python3 corpus.py load DIRECTORY     loads every file of files.json with weights_only=True; writes loaded.json

loaded.json: {"file": {"error": text} or {"tables": [{name: {"shape", "bytes": SHA-256, "isHalf"}}]}}. The tables are the
tensors of the saved dict and of each dict directly in it. `exception` says why Hourglass refuses a file that PyTorch
reads; docs/threat-model.md lists these reasons.
"""
import collections
import hashlib
import io
import json
import os
import pickle
import resource
import struct
import sys
import warnings
import zipfile
from pathlib import Path

import torch

warnings.simplefilter("ignore")
folder = Path(sys.argv[2])
files = []


def weights():
    generator = torch.Generator().manual_seed(5)
    sizes = [("fc1", 4, 5), ("fc2", 2, 4), ("fc3", 4, 2), ("fc4", 5, 4)]
    state = collections.OrderedDict()
    for name, outputs, inputs in sizes:
        state[f"{name}.weight"] = torch.randn(outputs, inputs, generator=generator)
        state[f"{name}.bias"] = torch.randn(outputs, generator=generator)
    return state


# --- files that torch.save writes ---


def note(name, exception=None):
    files.append({"file": name, "exception": exception})


def saved(name, value, exception=None, **options):
    try:
        torch.save(value, folder / name, **options)
    except Exception as error:  # this PyTorch cannot make such a value
        print(f"not made: {name}: {error}", file=sys.stderr)
        return
    note(name, exception)


class Unlisted:
    pass


def make_saved():
    plain = weights()
    saved("plain.pth", plain)
    saved("dict.pth", dict(plain))
    saved("z:8.pth", plain)
    saved("name with spaces & größe.pth", plain)
    saved(".hidden.pth", plain)
    for wrapper in ["module.", "model.", "_orig_mod."]:
        saved(f"wrapped {wrapper}pth", {wrapper + name: t for name, t in plain.items()})
    for dtype in ["float64", "float16", "bfloat16"]:
        saved(f"{dtype}.pth", {name: t.to(getattr(torch, dtype)) for name, t in plain.items()})
    for dtype in ["int64", "int32", "int16", "int8", "uint8", "bool", "uint16", "uint32", "uint64"]:
        if hasattr(torch, dtype):
            saved(f"{dtype}.pth", {"t": torch.arange(6).to(getattr(torch, dtype))})
    special = torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-45, 3.4e38])
    for dtype in [torch.float32, torch.float64, torch.float16, torch.bfloat16]:
        saved(f"special {dtype}.pth", {"t": special.to(dtype), "neg": torch._neg_view(special.to(dtype))})
    saved("negated.pth", {name: torch._neg_view(-t) for name, t in plain.items()})
    saved("negated views.pth", {name: torch._neg_view(t.t() if t.dim() == 2 else t) for name, t in plain.items()})
    saved("conjugated.pth", {**plain, "c": torch.randn(3, dtype=torch.complex64).conj()}, "complex tensors")
    saved("negated integers.pth", {"t": torch._neg_view(torch.arange(4))}, "negated integers")
    everything = torch.arange(400.0)
    saved(
        "views.pth",
        {
            "transposed": everything[:20].reshape(4, 5).t(),
            "every second": everything[::2],
            "row": everything.reshape(20, 20)[3],
            "expanded": everything[:3].expand(4, 3),
            "scalar": everything[7],
            "empty": everything[:0],
            "empty matrix": torch.empty(0, 3),
            "deep": everything[:64].reshape(1, 2, 1, 4, 1, 8),
        },
    )
    tied = torch.randn(3, 3)
    saved("tied.pth", {"a.weight": tied, "b.weight": tied, "c.weight": tied.t()})
    saved("parameters.pth", {name: torch.nn.Parameter(t) for name, t in plain.items()})
    saved("no grad parameters.pth", {name: torch.nn.Parameter(t, requires_grad=False) for name, t in plain.items()})
    saved("requires grad.pth", {name: t.clone().requires_grad_() for name, t in plain.items()})
    for protocol in [3, 4, 5]:
        late = None if protocol == 3 else "pickle protocols 4 and 5"
        saved(f"protocol {protocol}.pth", plain, late, pickle_protocol=protocol)
    saved("legacy.pth", plain, "the legacy form without zip", _use_new_zipfile_serialization=False)

    beside = {
        "seed": 2**64 - 3,
        "negative": -(2**63),
        "huge": 3**1200,
        "bytes": b"\x00\xff",
        "bytearray": bytearray(b"xyz"),
        "empty bytearray": bytearray(),
        "set": {"a", 1, (2, 3)},
        "empty set": set(),
        "size": torch.Size([2, 3]),
        "dtype": torch.float16,
        "device": torch.device("cpu"),
        "cuda device": torch.device("cuda", 1),
        "counter": collections.Counter("hello"),
        "complex": 1 + 2j,
        "float": 1e300,
        "nested": {"a": [1, (2.0, None, {"b": True})]},
        "list": list(range(3000)),
        "text": "naïve 数 \n",
        "integers": {1: 2, 2.5: 3, None: 4, (1, "x"): 5},
        "tensor": torch.arange(5),
        "rng": torch.get_rng_state(),
    }
    for name, value in beside.items():
        saved(f"beside {name}.pth", {"model": plain, name: value})
    saved("beside all.pth", {"state_dict": plain, **beside})
    saved("beside in the same dict.pth", {**plain, **{k: v for k, v in beside.items() if k != "tensor" and k != "rng"}})
    saved("frozenset.pth", {"model": plain, "x": frozenset([1])})
    saved("slice.pth", {"model": plain, "x": slice(1, 2)})
    saved("unlisted.pth", {"model": plain, "x": Unlisted()})
    saved("function.pth", {"model": plain, "x": os.system})
    saved("generator.pth", {"model": plain, "x": range(4)})
    saved("float8.pth", {"model": plain, "x": torch.ones(2).to(getattr(torch, "float8_e4m3fn", torch.half))}, "float8")
    saved("sparse.pth", {"model": plain, "x": torch.eye(3).to_sparse()}, "sparse tensors")
    quantized = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    saved("quantized.pth", {"model": plain, "x": quantized}, "quantized tensors")
    saved("meta.pth", {"model": plain, "x": torch.empty(3, device="meta")}, "meta tensors")
    attributed = torch.ones(3)
    attributed.note = "x"
    saved("attributes.pth", {"model": plain, "x": attributed}, "tensors with attributes")
    parameter = torch.nn.Parameter(torch.ones(3))
    parameter.note = "x"
    saved("parameter attributes.pth", {"model": plain, "x": parameter}, "tensors with attributes")
    saved("storage.pth", {"model": plain, "x": torch.ones(3).untyped_storage()})
    module = torch.nn.Linear(3, 2)
    saved("module.pth", module)
    module_state = module.state_dict()
    saved("metadata.pth", module_state)
    saved("list of tensors.pth", [torch.ones(3)], "no dict")
    saved("tensor.pth", torch.ones(3), "no dict")
    saved("no tensors.pth", {"a": 1}, "no tensors")
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(3))])
    saved("optimizer.pth", {"model": plain, "optimizer": optimizer.state_dict()})
    torch.jit.save(torch.jit.script(torch.nn.Linear(3, 2)), folder / "script.pth")
    note("script.pth")


# --- archives ---


def entries_of(path):
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def archived(name, entries, exception=None, method=zipfile.ZIP_STORED, prefix=b""):
    with open(folder / name, "wb") as file:
        file.write(prefix)
        with zipfile.ZipFile(file, "w", method) as archive:
            for entry, data in entries:
                archive.writestr(zipfile.ZipInfo(entry), data, method)
    note(name, exception)


def make_archives():
    entries = entries_of(folder / "plain.pth")
    without = lambda part: [(name, data) for name, data in entries if not name.endswith(part)]
    changed = lambda part, data: [(n, data if n.endswith(part) else d) for n, d in entries]
    renamed = lambda old, new: [(n.replace(old, new), d) for n, d in entries]
    archived("zip deflated.pth", entries, method=zipfile.ZIP_DEFLATED)
    archived("zip with a folder.pth", [("plain/", b"")] + entries)
    archived("zip with another folder.pth", [("other/", b"")] + entries)
    archived("zip with another entry first.pth", [("other/x", b"")] + entries)
    archived("zip with more.pth", entries + [("plain/more", b"x"), ("other/data.pkl", b"x"), ("top", b"x")])
    archived("zip without folder.pth", [(n.split("/", 1)[1], d) for n, d in entries])
    archived("zip folder dots.pth", renamed("plain/", "../"))
    archived("zip folder drive.pth", renamed("plain/", "C:\\x/"))
    archived("zip folder nested.pth", renamed("plain/", "a/b/"))
    archived("zip folder empty.pth", renamed("plain/", "/"))
    archived("zip without version.pth", without("version"))
    for version in ["0", "1", "10", "11", "x", "", "3x", " 3", "3 ", "+3", "-1"]:
        # stoull takes what begins with a number.
        lenient = "a version that is no plain number" if version in ["3x", " 3", "+3"] else None
        archived(f"zip version {version!r}.pth", changed("/version", version.encode()), lenient)
    archived("zip without byteorder.pth", without("byteorder"))
    archived("zip big-endian.pth", changed("byteorder", b"big"), "big-endian data")
    archived("zip byteorder unknown.pth", changed("byteorder", b"middle"))
    archived("zip without storage.pth", without("data/2"))
    archived("zip storage short.pth", changed("data/2", b"\0" * 8), "storages of another length")
    archived("zip storage long.pth", changed("data/2", b"\0" * 4000), "storages of another length")
    archived("zip upper case.pth", renamed("data.pkl", "DATA.PKL"), "entries found whatever their case")
    upper = [(n.upper(), b"\0" * len(d)) for n, d in entries if "data/0" in n]
    archived("zip twice but for case.pth", entries + upper, "two entries whose names differ by case")
    archived("zip upper case first.pth", upper + entries, "two entries whose names differ by case")
    archived("zip as TorchScript.pth", entries + [("plain/constants.pkl", b"x")])
    archived("zip after junk.pth", entries, prefix=b"junk")
    archived("zip after a zip's start.pth", entries, "bytes before the archive", prefix=b"PK\x03\x04" + b"\0" * 60)
    (folder / "zip before junk.pth").write_bytes((folder / "plain.pth").read_bytes() + b"junk")
    note("zip before junk.pth", "bytes after the archive")
    (folder / "no zip.pth").write_bytes(b"hello")
    note("no zip.pth")
    (folder / "empty.pth").write_bytes(b"")
    note("empty.pth")


# --- pickles by hand ---

P = pickle


class Writer:
    """Opcodes of protocol 2."""

    def __init__(self):
        self.parts = [P.PROTO + b"\x02"]

    def raw(self, data):
        self.parts.append(data)
        return self

    def text(self, text):
        data = text.encode("utf-8", "surrogatepass")
        return self.raw(P.BINUNICODE + struct.pack("<I", len(data)) + data)

    def int(self, value):
        return self.raw(P.BININT + struct.pack("<i", value))

    def glob(self, name):
        module, name = name.rsplit(".", 1)
        return self.raw(P.GLOBAL + f"{module}\n{name}\n".encode())

    def ints(self, values):
        self.raw(P.MARK)
        for value in values:
            self.int(value)
        return self.raw(P.TUPLE)

    def storage(self, key="0", kind="torch.FloatStorage", length=6, location="cpu"):
        self.raw(P.MARK).text("storage").glob(kind).text(key).text(location).int(length)
        return self.raw(P.TUPLE + P.BINPERSID)

    def ordered(self):
        return self.glob("collections.OrderedDict").raw(P.EMPTY_TUPLE + P.REDUCE)

    def done(self):
        return b"".join(self.parts) + P.STOP


SIX = struct.pack("<6f", 10, -11, 12, -13, 14, -15)
V2 = "torch._utils._rebuild_tensor_v2"


def by_hand(name, pickled, exception=None, storages=None):
    entries = [("x/data.pkl", pickled), ("x/version", b"3\n")]
    entries += [(f"x/data/{key}", data) for key, data in (storages or {"0": SIX}).items()]
    archived(f"pickle {name}.pth", entries, exception)


def tensor(w, shape=(2, 3), strides=(3, 1), offset=0, grad=P.NEWFALSE, hooks=None, more=b"", **storage):
    w.glob(V2).raw(P.MARK).storage(**storage).int(offset).ints(shape).ints(strides).raw(grad)
    (hooks or Writer.ordered)(w)
    return w.raw(more + P.TUPLE + P.REDUCE)


def dict_with(write):
    """{'t': a tensor, 'x': what write writes}"""
    w = Writer().raw(P.EMPTY_DICT + P.MARK).text("t")
    tensor(w).text("x")
    write(w)
    return w.raw(P.SETITEMS).done()


def only(**options):
    w = Writer().raw(P.EMPTY_DICT).text("t")
    return tensor(w, **options).raw(P.SETITEM).done()


def make_pickles():
    by_hand("sound", only())
    by_hand("offset", only(shape=(2, 2), offset=1))
    by_hand("stride 0", only(shape=(4, 2), strides=(0, 1)))
    by_hand("overlapping", only(shape=(3, 3), strides=(1, 1)))
    by_hand("beyond", only(offset=1))
    by_hand("beyond by stride", only(strides=(4, 1)))
    by_hand("far beyond", only(offset=2**30))
    by_hand("empty beyond", only(shape=(0, 3), offset=100))
    by_hand("negative size", only(shape=(-1, 3)))
    by_hand("negative stride", only(strides=(-1, 1)))
    by_hand("negative offset", only(offset=-1))
    by_hand("ranks differ", only(strides=(1,)))
    by_hand("rank 65", only(shape=(1,) * 65, strides=(1,) * 65), "more than 64 dimensions")
    by_hand("rank 64", only(shape=(1,) * 64, strides=(1,) * 64))
    by_hand("vast and stride 0", only(shape=(2**30, 8), strides=(0, 0)), "views that take more than 6 times the file")
    by_hand("grad", only(grad=P.NEWTRUE))
    by_hand("grad of integers", only(grad=P.NEWTRUE, kind="torch.IntStorage"))
    by_hand("grad no bool", only(grad=P.BININT1 + b"\x01"))
    by_hand("hooks None", only(hooks=lambda w: w.raw(P.NONE)), "hooks that are no OrderedDict")
    by_hand("hooks dict", only(hooks=lambda w: w.raw(P.EMPTY_DICT)), "hooks that are no OrderedDict")
    by_hand("hooks text", only(hooks=lambda w: w.text("x")), "hooks that are no OrderedDict")
    by_hand("hooks full", only(hooks=lambda w: w.ordered().int(1).int(2).raw(P.SETITEM)), "hooks")
    flag = lambda name, value: P.EMPTY_DICT + Writer().text(name).parts[1] + value + P.SETITEM
    by_hand("neg", only(more=flag("neg", P.NEWTRUE)))
    by_hand("neg false", only(more=flag("neg", P.NEWFALSE)), "flags of tensors")
    by_hand("conj", only(more=flag("conj", P.NEWTRUE)))
    by_hand("unknown flag", only(more=flag("other", P.NEWTRUE)), "flags of tensors")
    by_hand("no flags", only(more=P.EMPTY_DICT))
    by_hand("flags None", only(more=P.NONE))
    by_hand("flags text", only(more=Writer().text("neg").parts[1]))
    by_hand("too many arguments", only(more=P.NONE + P.NONE))
    by_hand("size a list", dict_with(lambda w: w.glob(V2).raw(P.MARK).storage().int(0).raw(P.EMPTY_LIST + P.BININT1 + b"\x06" + P.APPEND).ints([1]).raw(P.NEWFALSE).ordered().raw(P.TUPLE + P.REDUCE)))
    by_hand("size of floats", dict_with(lambda w: w.glob(V2).raw(P.MARK).storage().int(0).raw(P.BINFLOAT + struct.pack(">d", 6.0) + P.TUPLE1).ints([1]).raw(P.NEWFALSE).ordered().raw(P.TUPLE + P.REDUCE)))
    by_hand("size of bools", dict_with(lambda w: w.glob(V2).raw(P.MARK).storage().int(0).raw(P.NEWTRUE + P.TUPLE1).ints([1]).raw(P.NEWFALSE).ordered().raw(P.TUPLE + P.REDUCE)), "sizes that are no integers")
    by_hand("size a torch.Size", dict_with(lambda w: w.glob(V2).raw(P.MARK).storage().int(0).glob("torch.Size").ints([6]).raw(P.TUPLE1 + P.REDUCE).ints([1]).raw(P.NEWFALSE).ordered().raw(P.TUPLE + P.REDUCE)))
    by_hand("too few arguments", dict_with(lambda w: w.glob(V2).raw(P.MARK).storage().int(0).ints([6]).ints([1]).raw(P.TUPLE + P.REDUCE)))
    by_hand("length too large", only(length=7), "storages of another length")
    by_hand("length too small", only(shape=(5,), strides=(1,), length=5), "storages of another length")
    by_hand("length negative", only(length=-1))
    by_hand("key missing", only(key="9"))
    by_hand("key outside", only(key="../data/0"))
    by_hand("location unknown", only(location="toaster"))
    by_hand("storage complex", only(kind="torch.ComplexFloatStorage", length=3, shape=(3,), strides=(1,)), "complex tensors")
    two = lambda **other: dict_with(lambda w: tensor(w, **other))
    by_hand("storage twice", two())
    by_hand("storage twice, another type", two(kind="torch.IntStorage"), "storages described in two ways")
    by_hand("storage twice, shorter", two(length=3, shape=(3,), strides=(1,)), "storages described in two ways")
    by_hand("tensor beside, beyond", two(offset=3))
    by_hand("tensor beside, missing", two(key="9"))
    by_hand("untyped storage", only(kind="torch.storage.UntypedStorage", length=24, shape=(24,), strides=(1,)), "untyped storages")

    key = lambda data: dict_with(lambda w: w.raw(P.EMPTY_DICT + data + P.NONE + P.SETITEM))
    by_hand("key a list", key(P.EMPTY_LIST))
    by_hand("key a dict", key(P.EMPTY_DICT))
    by_hand("key a tuple", key(P.EMPTY_TUPLE))
    by_hand("key a tuple of lists", key(P.EMPTY_LIST + P.TUPLE1))
    by_hand("key a set", key(P.EMPTY_SET))
    by_hand("key a float", key(P.BINFLOAT + b"\0" * 8))
    by_hand("key a global", key(P.GLOBAL + b"torch\nfloat32\n"))
    by_hand("set of lists", dict_with(lambda w: w.glob("builtins.set").raw(P.EMPTY_LIST + P.EMPTY_LIST + P.APPEND + P.TUPLE1 + P.REDUCE)))
    by_hand("set of a number", dict_with(lambda w: w.glob("builtins.set").raw(P.BININT1 + b"\x01" + P.TUPLE1 + P.REDUCE)))
    by_hand("set of a text", dict_with(lambda w: w.glob("builtins.set").text("abc").raw(P.TUPLE1 + P.REDUCE)), "sets of anything but a list")
    encode = lambda text, name: dict_with(lambda w: w.glob("_codecs.encode").text(text).text(name).raw(P.TUPLE2 + P.REDUCE))
    by_hand("encode latin1", encode("ÿ", "latin1"))
    by_hand("encode beyond latin1", encode("€", "latin1"))
    by_hand("encode utf-8", encode("€", "utf-8"), "bytes that are no Latin-1")
    by_hand("encode unknown", encode("x", "klingon"))
    by_hand("Counter of a dict", dict_with(lambda w: w.glob("collections.Counter").raw(P.EMPTY_DICT + P.TUPLE1 + P.REDUCE)))
    by_hand("Counter of a number", dict_with(lambda w: w.glob("collections.Counter").raw(P.BININT1 + b"\x01" + P.TUPLE1 + P.REDUCE)))
    by_hand("OrderedDict of a number", dict_with(lambda w: w.glob("collections.OrderedDict").raw(P.BININT1 + b"\x01" + P.TUPLE1 + P.REDUCE)))
    by_hand("OrderedDict of a list", dict_with(lambda w: w.glob("collections.OrderedDict").raw(P.EMPTY_LIST + P.TUPLE1 + P.REDUCE)), "arguments of OrderedDict")
    by_hand("device unknown", dict_with(lambda w: w.glob("torch.device").text("toaster").raw(P.TUPLE1 + P.REDUCE)))
    by_hand("device with number", dict_with(lambda w: w.glob("torch.device").text("cuda:3").raw(P.TUPLE1 + P.REDUCE)))
    by_hand("device with two numbers", dict_with(lambda w: w.glob("torch.device").text("cuda:3").int(1).raw(P.TUPLE2 + P.REDUCE)))
    by_hand("device with a negative number", dict_with(lambda w: w.glob("torch.device").text("cuda").int(-2).raw(P.TUPLE2 + P.REDUCE)))
    by_hand("Size of texts", dict_with(lambda w: w.glob("torch.Size").text("a").raw(P.TUPLE1 + P.TUPLE1 + P.REDUCE)))
    by_hand("Size of negatives", dict_with(lambda w: w.glob("torch.Size").ints([-1]).raw(P.TUPLE1 + P.REDUCE)))
    by_hand("complex of texts", dict_with(lambda w: w.glob("builtins.complex").text("a").text("b").raw(P.TUPLE2 + P.REDUCE)))
    by_hand("dtype called", dict_with(lambda w: w.glob("torch.float32").raw(P.EMPTY_TUPLE + P.REDUCE)))
    by_hand("text called", dict_with(lambda w: w.text("x").raw(P.EMPTY_TUPLE + P.REDUCE)))
    by_hand("arguments a list", dict_with(lambda w: w.glob("collections.OrderedDict").raw(P.EMPTY_LIST + P.REDUCE)), "arguments that are no tuple")
    by_hand("append to a tuple", dict_with(lambda w: w.raw(P.EMPTY_TUPLE + P.NONE + P.APPEND)))
    by_hand("append to a dict", dict_with(lambda w: w.raw(P.EMPTY_DICT + P.NONE + P.APPEND)))
    by_hand("items on a list", dict_with(lambda w: w.raw(P.EMPTY_LIST + P.NONE + P.NONE + P.SETITEM)))
    by_hand("an item without value", dict_with(lambda w: w.raw(P.EMPTY_DICT + P.MARK + P.NONE + P.SETITEMS)))
    build = lambda target, state: dict_with(lambda w: (w.ordered() if target is None else w.raw(target)).raw(state + P.BUILD))
    by_hand("build", build(None, P.EMPTY_DICT))
    by_hand("build from None", build(None, P.NONE))
    by_hand("build from a number", build(None, P.BININT1 + b"\x01"))
    by_hand("build from a list", build(None, P.EMPTY_LIST), "attributes that are no dict")
    by_hand("build on a dict", build(P.EMPTY_DICT, P.EMPTY_DICT))
    by_hand("build on None", build(P.NONE, P.EMPTY_DICT))
    by_hand("build on a set", build(P.EMPTY_SET, P.EMPTY_DICT), "attributes of anything but a dict")
    by_hand("short string", dict_with(lambda w: w.raw(P.SHORT_BINSTRING + b"\x03abc")))
    by_hand("short string no utf-8", dict_with(lambda w: w.raw(P.SHORT_BINSTRING + b"\x01\xff")))
    by_hand("surrogates", dict_with(lambda w: w.text("\ud800")), "texts with surrogates")
    by_hand("text no utf-8", dict_with(lambda w: w.raw(P.BINUNICODE + b"\x01\0\0\0\xff")))
    by_hand("memo", dict_with(lambda w: w.raw(P.EMPTY_LIST + P.BINPUT + b"\x05" + P.BINGET + b"\x05" + P.TUPLE2)))
    by_hand("memo not set", dict_with(lambda w: w.raw(P.BINGET + b"\x05")))
    by_hand("after the end", only() + b"more")
    by_hand("two values", Writer().raw(P.NONE).done()[:-1] + only()[2:], "values left on the stack")
    by_hand("an open mark", Writer().raw(P.MARK).done()[:-1] + only()[2:], "values left on the stack")
    by_hand("no protocol", only()[2:])
    by_hand("protocol 0", P.PROTO + b"\0" + only()[2:])
    by_hand("protocol 9", P.PROTO + b"\x09" + only()[2:])
    by_hand("truncated", only()[:-1])
    by_hand("newobj", dict_with(lambda w: w.glob("collections.OrderedDict").raw(P.EMPTY_TUPLE + P.NEWOBJ)), "NEWOBJ")
    for name in ["os.system", "posix.system", "builtins.eval", "torch.load", "torch.nn.modules.linear.Linear"]:
        by_hand(f"global {name}", dict_with(lambda w: w.glob(name)))
    for name in ["torch.FloatTensor", "torch.nn.parameter.Parameter", "torch.per_tensor_affine", "torch.float8_e5m2"]:
        by_hand(f"global {name}", dict_with(lambda w: w.glob(name)), "globals that are not listed")
    by_hand("nested deeply", dict_with(lambda w: w.raw(P.MARK * 200 + P.TUPLE * 200)), "more than 100 levels")


# --- loading ---


def describe(value):
    data = value.detach().resolve_neg().contiguous().cpu()
    if data.dtype == torch.bool:
        data = data.to(torch.uint8)
    # Hourglass gives half floats as float32. The bits of their NaNs PyTorch makes by the processor at hand.
    is_half = data.dtype in (torch.float16, torch.bfloat16)
    if is_half:
        data = data.float()
        data[data.isnan()] = float("nan")
    raw = bytes(data.clone().untyped_storage()) if data.numel() else b""
    return {"shape": list(value.shape), "bytes": hashlib.sha256(raw).hexdigest(), "isHalf": is_half}


def table(mapping):
    return {
        name: describe(value)
        for name, value in mapping.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided
        and not value.is_quantized and not value.is_complex() and not value.is_meta and value.numel() < 10**7
    }


def load(path):
    try:
        value = torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        # The beginning of the unpickler's errors is advice.
        return {"error": f"{type(error).__name__}: {error}"[-300:]}
    if not isinstance(value, dict):
        return {"tables": []}
    return {"tables": [table(value)] + [table(item) for item in value.values() if isinstance(item, dict)]}


def load_all(names):
    """In a process of its own: a hostile file may end it, and the rest goes on in another one."""
    loaded = {}
    while len(loaded) < len(names):
        left = names[len(loaded) :]
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            limit = 16 * 2**30
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
            with os.fdopen(write, "w") as out:
                for name in left:
                    out.write(json.dumps([name, load(folder / name)]) + "\n")
                    out.flush()
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as lines:
            for line in lines:
                name, result = json.loads(line)
                loaded[name] = result
        os.waitpid(child, 0)
        if len(loaded) < len(names):
            loaded[names[len(loaded)]] = {"error": "the process ended"}
    return loaded


if sys.argv[1] == "make":
    folder.mkdir(parents=True, exist_ok=True)
    make_saved()
    make_archives()
    make_pickles()
    (folder / "files.json").write_text(json.dumps(files))
else:
    torch.set_num_threads(1)
    names = [file["file"] for file in json.loads((folder / "files.json").read_text())]
    (folder / "loaded.json").write_text(json.dumps({"torch": torch.__version__, "loaded": load_all(names)}))
