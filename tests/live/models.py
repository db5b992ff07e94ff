# SPDX-License-Identifier: GPL-2.0-only
"""Models small enough to be made here: of the right form for the library, and of no use otherwise.

whisper.cpp takes a file without tensors for a model with zeros in them; llama.cpp and onnxruntime
want all of it.
"""

import random
import struct

# --- whisper.cpp: magic, hyperparameters, mel filters, vocabulary; no tensors ---

WHISPER_MELS = 80
WHISPER_FFT = 201
WHISPER_VOCAB = 51864  # the special tokens have fixed numbers just below


def whisper(path):
    hparams = (
        WHISPER_VOCAB,
        1500,  # audio context
        32,  # audio state
        1,  # audio heads
        4,  # audio layers: the type "tiny" goes by these
        32,  # text context
        32,  # text state
        1,  # text heads
        4,  # text layers
        WHISPER_MELS,
        1,  # 16-bit floats
    )
    with open(path, "wb") as out:
        out.write(struct.pack("<I", 0x67676D6C))
        out.write(struct.pack("<11i", *hparams))
        out.write(struct.pack("<2i", WHISPER_MELS, WHISPER_FFT))
        out.write(struct.pack("<f", 0.01) * (WHISPER_MELS * WHISPER_FFT))
        words = 256
        out.write(struct.pack("<i", words))
        for word in range(words):
            out.write(struct.pack("<I", 1) + bytes([word]))


# --- llama.cpp: GGUF with one layer and a vocabulary of bytes ---

GGUF_U32, GGUF_F32, GGUF_STRING, GGUF_ARRAY, GGUF_I32 = 4, 6, 8, 9, 5
LLAMA_WIDTH = 64
LLAMA_HIDDEN = 128
LLAMA_VOCAB = 3 + 256


def gguf_string(text):
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def gguf_value(kind, value):
    if kind == GGUF_STRING:
        return gguf_string(value)
    return struct.pack({GGUF_U32: "<I", GGUF_F32: "<f", GGUF_I32: "<i"}[kind], value)


def gguf_key(name, kind, value):
    out = gguf_string(name)
    if isinstance(value, list):
        out += struct.pack("<IIQ", GGUF_ARRAY, kind, len(value))
        return out + b"".join(gguf_value(kind, item) for item in value)
    return out + struct.pack("<I", kind) + gguf_value(kind, value)


def llama_keys():
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = [2, 3, 3] + [6] * 256  # unknown, control, byte
    return [
        ("general.architecture", GGUF_STRING, "llama"),
        ("llama.context_length", GGUF_U32, 256),
        ("llama.embedding_length", GGUF_U32, LLAMA_WIDTH),
        ("llama.block_count", GGUF_U32, 1),
        ("llama.feed_forward_length", GGUF_U32, LLAMA_HIDDEN),
        ("llama.attention.head_count", GGUF_U32, 2),
        ("llama.attention.layer_norm_rms_epsilon", GGUF_F32, 1e-5),
        ("llama.rope.dimension_count", GGUF_U32, LLAMA_WIDTH // 2),
        ("tokenizer.ggml.model", GGUF_STRING, "llama"),
        ("tokenizer.ggml.tokens", GGUF_STRING, tokens),
        ("tokenizer.ggml.scores", GGUF_F32, [0.0] * LLAMA_VOCAB),
        ("tokenizer.ggml.token_type", GGUF_I32, kinds),
        ("tokenizer.ggml.bos_token_id", GGUF_U32, 1),
        ("tokenizer.ggml.eos_token_id", GGUF_U32, 2),
    ]


def llama_tensors():
    width, hidden = LLAMA_WIDTH, LLAMA_HIDDEN
    block = "blk.0."
    return [
        ("token_embd.weight", (width, LLAMA_VOCAB)),
        ("output_norm.weight", (width,)),
        ("output.weight", (width, LLAMA_VOCAB)),
        (block + "attn_norm.weight", (width,)),
        (block + "attn_q.weight", (width, width)),
        (block + "attn_k.weight", (width, width)),
        (block + "attn_v.weight", (width, width)),
        (block + "attn_output.weight", (width, width)),
        (block + "ffn_norm.weight", (width,)),
        (block + "ffn_gate.weight", (width, hidden)),
        (block + "ffn_up.weight", (width, hidden)),
        (block + "ffn_down.weight", (hidden, width)),
    ]


def llama(path):
    keys, tensors, data, infos = llama_keys(), llama_tensors(), b"", b""
    draw = random.Random(1)
    for name, shape in tensors:
        count = 1
        for side in shape:
            count *= side
        infos += gguf_string(name) + struct.pack("<I", len(shape))
        infos += struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", 0, len(data))
        data += struct.pack(f"<{count}f", *(draw.uniform(-0.1, 0.1) for _ in range(count)))
        data += bytes(-len(data) % 32)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(keys))
    head += b"".join(gguf_key(*key) for key in keys) + infos
    with open(path, "wb") as out:
        out.write(head + bytes(-len(head) % 32) + data)


# --- onnxruntime: protobuf by hand; y = x · w, some times over ---

ONNX_SIDE = 128
ONNX_STEPS = 8


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A number, or bytes, text or a message with its length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def onnx_float_tensor(name):
    """ValueInfoProto of a tensor of 1 x ONNX_SIDE floats."""
    sides = b"".join(field(1, field(1, side)) for side in (1, ONNX_SIDE))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, sides)))


def onnx(path):
    draw = random.Random(2)
    count = ONNX_SIDE * ONNX_SIDE
    weights = struct.pack(f"<{count}f", *(draw.uniform(-0.1, 0.1) for _ in range(count)))
    names = ["x"] + [f"h{step}" for step in range(1, ONNX_STEPS)] + ["y"]
    graph = b""
    for before, after in zip(names, names[1:]):
        graph += field(1, field(1, before) + field(1, "w") + field(2, after) + field(4, "MatMul"))
    graph += field(2, "steps")
    graph += field(5, field(1, ONNX_SIDE) + field(1, ONNX_SIDE) + field(2, 1) + field(8, "w")
                   + field(9, weights))
    graph += field(11, onnx_float_tensor("x")) + field(12, onnx_float_tensor("y"))
    model = field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))
    with open(path, "wb") as out:
        out.write(model)
