"""Sweeps: one line of `run`, and a session for each combination of its ranges' values.

A sweep is stored in a folder with its plan, a journal of the state of each case, and the output of
the cases. Any process may run it, one at a time. If that process is killed, only the cases that
were running are lost, and they run again.

    ranges    what `X=linspace:0,1,5` stands for
    plan      what is to run: the cases, each with its session and its code
    journal   what became of the cases, on disk
    store     the folders they are kept in
    lock      who holds which
    submit    from the options of `run` to a sweep
    launch    runs what is due, here or in a process of its own, and tells how it ended
    runner    runs cases in this process: workers, Ctrl-C, requests to cancel
    case      one case, from its session's creation to its removal
    client    calls the API, also through outages; polling follows a run by it
    capacity  waits for room on a full cluster, and makes some
    report    what the user sees meanwhile; table on a terminal
    detach    sweeps that go on by themselves
    commands  `sweep list`, `status`, `logs`, `cancel`, `resume`, `retry-failed`, `rm`
"""
