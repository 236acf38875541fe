"""Sweeps: one line of `run`, and a session for each combination of its ranges' values.

A sweep is stored in a folder with its plan, a journal of the state of each case, and the output of
the cases. Any process may run it, one at a time. If that process is killed, only the cases that
were running are lost, and they run again.

    ranges    parses ranges such as `X=linspace:0,1,5`
    plan      the cases to run, each with its session and its code
    journal   stores the states of the cases on disk
    store     stores sweeps in folders
    lock      locks a sweep for one process
    submit    makes a sweep from the options of `run`
    launch    runs the missing cases, here or in another process, and reports the result
    runner    runs cases in this process: workers, Ctrl-C, requests to cancel
    case      runs one case, from its session's creation to its removal
    client    calls the API, also through outages; polling uses it to follow a run
    capacity  waits for resources on a full cluster, and releases some
    report    shows the progress; table shows it on a terminal
    detach    runs a sweep in a process of its own
    commands  `sweep list`, `status`, `logs`, `cancel`, `resume`, `retry-failed`, `rm`
"""
