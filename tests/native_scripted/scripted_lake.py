# `lake` as a script, `settings` is written above: `lake env PROGRAM` runs it, `lake build repl` makes it, and
# `lake build --no-build MODULE…` says with its exit status whether each is compiled. Calls are noted in the file `calls`.
import os
import pathlib
import sys

arguments = sys.argv[1:]
if arguments == ["--version"]:
    print(f"Lake version 5.0.0-src+7e01a1b (Lean version {settings['version']})")  # noqa: F821
    sys.exit()
if arguments[:1] == ["env"]:
    os.execv(arguments[1], arguments[1:])
with open(settings["calls"], "a") as calls:  # noqa: F821
    calls.write(" ".join(["lake", *arguments]) + "\n")
if tuple(arguments) == tuple(settings["fails"]):  # noqa: F821
    sys.exit("error: external command 'git' exited with code 128")
if arguments[:2] == ["build", "--no-build"]:
    for module in arguments[2:]:
        path = pathlib.Path(*module.split("."))
        compiled = pathlib.Path(".lake/build/lib/lean") / path.with_suffix(".olean")
        if not compiled.exists() or compiled.stat().st_mtime < path.with_suffix(".lean").stat().st_mtime:
            print(f"✖ [2/2] Building {module}\nerror: target is out-of-date and needs to be rebuilt")
            sys.exit(3)
elif arguments == ["build", "repl"]:
    if not pathlib.Path("lake-manifest.json").exists():
        sys.exit("error: no such file or directory: lake-manifest.json")
    print("info: REPL: cloning https://github.com/leanprover-community/repl")
    repl = pathlib.Path(".lake/packages/REPL/.lake/build/bin/repl")
    repl.parent.mkdir(parents=True, exist_ok=True)
    repl.write_text(settings["repl"])  # noqa: F821
    repl.chmod(0o755)
    print("Build completed successfully (12 jobs).")
elif arguments == ["exe", "cache", "get"]:
    print("No files to download\nCompleted successfully!")
else:
    sys.exit(f"error: unknown command '{arguments[0]}'")
