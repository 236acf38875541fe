"""Examples of `web`."""

from atoll import Example

EXAMPLES = [
    Example("web --open", "Backend.AI's web page for the profile in use"),
    Example("web -p 8090 --profile lab"),
]
