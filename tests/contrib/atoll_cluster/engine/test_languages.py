"""Kernels of every runtime that this machine has."""

import pytest

from atoll_cluster.engine.contract import Finished, Output, UnknownImageError

pytestmark = pytest.mark.anyio

SNIPPETS = {
    "bash": "echo $((40 + 2)) from bash; exit 3",
    "node": "console.log(40 + 2, 'from node'); process.exit(3)",
    "perl": "print 40 + 2, qq( from perl\\n); exit 3;",
    "r": "cat(40 + 2, 'from r\\n'); quit(status=3)",
    "ruby": "puts '%d from ruby' % 42; exit 3",
}


def kernel_id(image):
    return image.version.replace(".", "-")


@pytest.mark.parametrize("language", SNIPPETS)
async def test_a_snippet_runs(boxed, runtimes, started, query, language):
    try:
        runtimes.resolve(language)
    except UnknownImageError as error:
        pytest.skip(str(error))
    async with started(boxed, image=language) as kernel:
        story = await query(kernel, SNIPPETS[language])
        assert story.events == [Output("stdout", f"42 from {language}\n"), Finished(3)]


async def test_every_python_keeps_state_and_can_ask_for_input(boxed, runtimes, started, query):
    pythons = [image for image in runtimes.images() if image.language == "python"]
    for image in pythons:
        async with started(boxed, kernel_id(image), image=image.canonical) as kernel:
            await query(kernel, "import sys\nversion = '%d.%d' % sys.version_info[:2]")
            story = await query(kernel, "print(input(), version)", "this is")
            assert story.stdout == f"this is {'.'.join(image.version.split('.')[:2])}\n"


async def test_a_script_can_ask_in_any_language(boxed, started, query):
    async with started(boxed, image="bash") as kernel:
        story = await query(kernel, "read -r name; echo hello $name", "atoll")
        assert story.stdout == "hello atoll\n"


async def test_a_snippet_too_long_is_refused_in_one_line(boxed, started, query):
    async with started(boxed, image="bash") as kernel:
        story = await query(kernel, "#" * 200_000)
        assert story.events == [
            Output("stderr", "a bash snippet may have 131071 bytes at most\n"),
            Finished(2),
        ]


async def test_the_images_own_interpreter_is_the_one_in_a_shell(boxed, runtimes, started, batch):
    for image in [image for image in runtimes.images() if image.language == "python"][:2]:
        async with started(boxed, kernel_id(image), image=image.canonical) as kernel:
            story = await batch(kernel, exec="python -V; python3 -V")
            minor = ".".join(image.version.split(".")[:2])
            assert [line.startswith(f"Python {minor}.") for line in story.stdout.splitlines()] == [
                True,
                True,
            ]
