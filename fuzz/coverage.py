#!/usr/bin/env python3
"""What the corpora of all targets reach, by module: a table of lines.

    fuzz/coverage.py [--llvm DIR] [CORPORA...]

CORPORA are folders with a folder for each target, fuzz/corpus by default. DIR has llvm-profdata and
llvm-cov, of the toolchain's component llvm-tools by default.
"""

import argparse
import json
import subprocess
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def output(*command):
    run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return run.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--llvm", type=Path)
    parser.add_argument("corpora", nargs="*", type=Path, default=[ROOT / "fuzz/corpus"])
    arguments = parser.parse_args()
    version = output("rustc", "--version", "--verbose")
    host = next(line.split()[1] for line in version.splitlines() if line.startswith("host: "))
    llvm = arguments.llvm or Path(output("rustc", "--print", "sysroot").strip()) / "lib/rustlib" / host / "bin"
    targets = output("cargo", "fuzz", "list").split()
    for target in targets:
        corpora = [corpus.resolve() / target for corpus in arguments.corpora]
        corpora = [str(corpus) for corpus in corpora if corpus.is_dir()]
        command = ["cargo", "fuzz", "coverage", "-O", "-s", "none", "--llvm-path", str(llvm), target]
        log = ROOT / f"fuzz/coverage/{target}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("w") as file:
            run = subprocess.run(command + corpora, cwd=ROOT, stdout=file, stderr=file)
        if run.returncode != 0:
            raise SystemExit(f"{target} failed: {log}")
    metadata = json.loads(output("cargo", "metadata", "--format-version=1", "--no-deps"))
    built = Path(metadata["target_directory"]) / host / "coverage" / host / "release"
    # By line and not from a joint profile: what is generic is another function in each program.
    lines = defaultdict(lambda: defaultdict(bool))
    for target in targets:
        profile = f"-instr-profile=fuzz/coverage/{target}/coverage.profdata"
        report = output(str(llvm / "llvm-cov"), "export", "-format=lcov", profile, str(built / target))
        read_lcov(report, lines)
    print_table(lines)


def read_lcov(report, lines):
    for line in report.splitlines():
        kind, _, rest = line.partition(":")
        if kind == "SF":
            file = Path(rest)
        elif kind == "DA" and file.is_relative_to(ROOT / "src"):
            number, count = rest.split(",")[:2]
            lines[file.relative_to(ROOT / "src")][int(number)] |= int(count) > 0


def print_table(lines):
    modules = defaultdict(lambda: [0, 0])
    for file, reached in lines.items():
        for name in (file.parts[0].removesuffix(".rs"), "all"):
            modules[name][0] += len(reached)
            modules[name][1] += sum(reached.values())
    everything = modules.pop("all")
    print("| module | lines | reached |")
    print("|---|---|---|")
    for name, (count, reached) in [*sorted(modules.items()), ("all", everything)]:
        print(f"| `{name}` | {count} | {100 * reached / count:.0f} % |")


main()
