"""Programs that ask their user."""

import pytest

from atoll_cluster.engine.contract import Finished, InputRequest, Output

pytestmark = pytest.mark.anyio


async def test_input_asks_after_its_prompt(kernel, query):
    story = await query(kernel, "name = input('who? ')\nprint(f'hello {name}')", "작은 섬")
    assert story.events == [
        Output("stdout", "who? "),
        InputRequest(is_password=False),
        Output("stdout", "hello 작은 섬\n"),
        Finished(0),
    ]


async def test_getpass_asks_for_a_password(kernel, query):
    story = await query(kernel, "import getpass\nlen(getpass.getpass('secret: '))", "swordfish\n")
    assert InputRequest(is_password=True) in story.events
    assert story.stdout == "secret: 9\n"


async def test_stdin_can_be_read_as_a_file(kernel, query):
    story = await query(kernel, "import sys\nprint(sorted(sys.stdin))", "b", "a")
    assert story.stdout == "['a\\n', 'b\\n']\n"


async def test_the_end_of_input_is_an_eof_error(kernel, query):
    story = await query(kernel, "input()")
    assert story.exit_code == 1
    assert "EOFError" in story.stderr
    assert (await query(kernel, "input()", "again")).stdout == "'again'\n"


async def test_a_run_can_be_interrupted_while_it_asks(kernel, query):
    run = await kernel.execute("query", "x = input()", {})
    seen = []
    async for event in run.events():
        seen.append(event)
        if isinstance(event, InputRequest):
            await run.interrupt()
    assert seen[-1] == Finished(130)
    told = "".join(event.text for event in seen if isinstance(event, Output))
    assert told.splitlines()[-1] == "KeyboardInterrupt"
    assert told.count("File ") == 1
    assert (await query(kernel, "input()", "next")).stdout == "'next'\n"


async def test_programs_started_by_the_code_have_no_input(kernel, query):
    story = await query(kernel, "import subprocess\nsubprocess.run(['cat']).returncode")
    assert story.stdout == "0\n"


async def test_a_batch_program_that_reads_is_found_to_wait_for_input(kernel, batch):
    code = "python -c \"print('hello', input('name: '))\""
    story = await batch(kernel, "atoll", exec=code)
    assert InputRequest() in story.events
    assert story.stdout == "name: hello atoll\n"


async def test_an_input_longer_than_a_pipe_arrives_whole(kernel, batch):
    story = await batch(kernel, "x" * 300_000, exec="sleep 0.1; wc -c")
    assert story.stdout == "300001\n"


async def test_batch_input_can_end(kernel, batch):
    story = await batch(kernel, "one", "two", exec="cat; echo done")
    assert story.stdout == "one\ntwo\ndone\n"
