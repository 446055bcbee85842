"""Parameters of the nodes: each declared once with type, range and description.

The tables of the documentation and the YAML files in `config/` are made from these declarations:

    python -m depth_completion_ros.ros.parameters                     # Markdown tables
    python -m depth_completion_ros.ros.parameters --yaml completion   # text of config/completion.yaml
    python -m depth_completion_ros.ros.parameters --check my.yaml     # what is wrong with a file
"""

from __future__ import annotations

import sys

from .node import check_yaml, limits_markdown, markdown, yaml_text
from .tables import TABLES


def main(arguments: list[str]) -> int:
    """Print tables, a YAML file, or what is wrong with one."""
    if arguments[:1] == ["--yaml"] and arguments[1:2] and arguments[1] in TABLES:
        print(yaml_text(arguments[1]), end="")
    elif arguments[:1] == ["--check"] and len(arguments) == 2:
        problems = check_yaml(arguments[1])
        print("\n".join(problems) or "Nothing is wrong.")
        return 1 if problems else 0
    elif not arguments:
        tables = [f"### {name}\n\n{markdown(name)}" for name in TABLES]
        print("\n\n".join([*tables, f"### Environment: limits of size\n\n{limits_markdown()}"]))
    else:
        print(__doc__)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
