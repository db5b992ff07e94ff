# SPDX-License-Identifier: GPL-2.0-only
"""What a target's file says, by binutils: is the hard thing of a test really in there?"""

import re
import subprocess

import harness


def tool(*command):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=30, check=False
    )
    if done.returncode:
        raise harness.Failure(f"{command[0]}: {done.stderr.strip()[:200]}")
    return done.stdout


def instructions(path, function):
    """[(mnemonic, operands)] of one function by its symbol."""
    text = tool("objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", path)
    found = []
    for line in text.splitlines():
        match = re.match(r"\s+[0-9a-f]+:\s+(?:(?:bnd|notrack)\s+)?(\S+)\s*(.*)", line)
        if match:
            found.append((match.group(1), match.group(2)))
    if not found:
        raise harness.Failure(f"{path} has no function {function}")
    return found


def tail_jumps(path, function):
    """Operands of the jumps that leave the function for another one (its cold part is its own)."""
    leaving = []
    for mnemonic, operands in instructions(path, function):
        if mnemonic == "br":  # arm64: to the address in a register
            leaving.append(operands)
        if mnemonic not in ("jmp", "b"):
            continue
        named = re.search(r"<([^>+]+)(\+0x[0-9a-f]+)?>", operands)
        if operands.startswith("*") and "(,%" not in operands:
            leaving.append(operands)
        elif named and named.group(1).removesuffix(".cold") != function and not named.group(2):
            leaving.append(named.group(1))
    return leaving


def count(path, function, mnemonic):
    return sum(found == mnemonic for found, _ in instructions(path, function))


def file_offset(path, function):
    """The offset in the file at which a function starts."""
    address = None
    for line in tool("nm", "--defined-only", path).splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == function:
            address = int(words[0], 16)
    if address is None:
        raise harness.Failure(f"{path} has no symbol {function}")
    for line in tool("readelf", "-lW", path).splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            offset, start, size = (int(word, 16) for word in (words[1], words[2], words[4]))
            if start <= address < start + size:
                return address - start + offset
    raise harness.Failure(f"{function} lies in no segment of {path}")
