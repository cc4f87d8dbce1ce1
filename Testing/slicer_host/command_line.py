"""The application's command line, as far as it runs scripts.

It differs from what one would guess, and the host follows it:

- What it does not know, it hands to the script, in order: `sys.argv` is [SCRIPT, ...]. A lone `--` is such an argument:
  the script gets it too, and options of the application are still taken out behind it. Only `---` or `--ignore-rest`
  ends them.
- `--additional-module-paths` takes every word up to the next option.
- After the script, the application goes on: without `--testing` or `--exit-after-startup` only `slicer.util.exit` and
  `sys.exit` end it, and an exception in the script does not. With one of them it ends with status 1 if the script
  raised something, else 0; `--exit-after-startup` does so whatever status `slicer.util.exit` asked for.
- `slicer.util.exit` does not stop the script: the process ends when the script has come to its end.
"""

from dataclasses import dataclass, field

FLAGS = {
    "--no-main-window": "no_main_window",
    "--testing": "testing",
    "--exit-after-startup": "exit_after_startup",
    "--no-splash": "no_splash",
    "--ignore-slicerrc": "ignore_slicerrc",
}
SCRIPT = "--python-script"
MODULE_PATHS = "--additional-module-paths"
ENDS = ("---", "--ignore-rest")


@dataclass
class CommandLine:
    """script: its path. arguments: what it gets. module_paths: folders whose modules are loaded before."""

    script: str = ""
    module_paths: list[str] = field(default_factory=list)
    no_main_window: bool = False
    testing: bool = False
    exit_after_startup: bool = False
    no_splash: bool = False
    ignore_slicerrc: bool = False
    arguments: list[str] = field(default_factory=list)


def parse(words: list[str]) -> CommandLine:
    """ValueError: `--python-script` without a script."""
    line = CommandLine()
    is_path = False
    rest = iter(words)
    for word in rest:
        is_path = word == MODULE_PATHS or (is_path and not word.startswith("-"))
        if is_path:
            line.module_paths += [word] if word != MODULE_PATHS else []
        elif word in FLAGS:
            setattr(line, FLAGS[word], True)
        elif word == SCRIPT:
            line.script = next(rest, "")
        elif word in ENDS:
            line.arguments += rest
        else:
            line.arguments.append(word)
    if not line.script:
        raise ValueError(f"{SCRIPT} needs a script")
    return line
