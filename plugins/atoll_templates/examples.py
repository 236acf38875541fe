"""How the commands about session templates are used."""

from atoll import Example

EXAMPLES = [
    Example("sesstpl check train.yaml", "finds what is wrong with it, before any cluster does"),
    Example("sesstpl create -f train.yaml"),
    Example("sesstpl list"),
    Example("sesstpl get 0d2c3b3e --format yaml > train.yaml"),
    Example("sesstpl update 0d2c3b3e -f train.yaml"),
    Example("sesstpl delete 0d2c3b3e"),
    Example("start-template 0d2c3b3e -t work -r mem=8g"),
]
