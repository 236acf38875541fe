"""The program that `ssh` starts to ask the user (`SSH_ASKPASS`); atoll answers at a socket.

It runs without atoll's packages. The answer is in no argument and no environment.
"""

import json
import os
import socket
import sys

YES = b"+"
"""The first byte of an answer; without it, there is none."""


def main() -> int:
    """Print the answer to a question; returns 1 if there is none."""
    question = json.dumps([sys.argv[1], os.environ.get("SSH_ASKPASS_PROMPT", "")])
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(os.environ["ATOLL_ASK"])
        asking.sendall(question.encode())
        asking.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: asking.recv(4096), b""))
    if not answer.startswith(YES):
        return 1
    sys.stdout.buffer.write(answer[len(YES) :] + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
