"""Sweeps: one line of `run`, as many sessions as its ranges have combinations.

A sweep is a thing of its own: a folder with its plan, a journal of what became of each case, and
what the cases printed. Any process may take it up, one at a time, and whatever ends that process
loses nothing but the cases that were running, which run again.

    ranges    what `X=linspace:0,1,5` stands for
    plan      what is to run: the cases, each with its session and its code
    journal   what became of the cases, on disk
    store     the folders they are kept in
    lock      who holds which
    conduct   runs what is due: workers, Ctrl-C, requests to cancel
    case      one case, from its session's creation to its removal
    room      waiting for a full cluster, and making room on it
    link      the way to the cluster through outages; polling follows a run over it
    view      what the user sees meanwhile; table on a terminal
    begin     from the options of `run` to a sweep
    turn      taking a sweep up, here or elsewhere, and telling how it came out
    detach    sweeps that go on by themselves
    commands  `sweep list`, `status`, `logs`, `cancel`, `resume`, `retry-failed`, `rm`
"""
