"""Recording of a bridge over time: the curves of the last day and the log of events. Both survive a restart.

A curve is a time series of one value, such as the backlog. The page draws it, and exports it as CSV. An event is one
line in the event log, such as "connected" or the beginning of a problem.

    curve_values.py     the values of a snapshot that become points of curves
    time_series.py      points of all curves in one resolution
    curves.py           the curves in three resolutions, for the page and as CSV
    curve_file.py       file that stores the curves across restarts
    event.py            one event, and its line in the file
    event_log.py        file of the events, limited by rotation
    event_list.py       events of a bridge and its workers as one list
    event_detection.py  events that follow from the comparison of two snapshots
    recorder.py         owner of the objects above; it receives a snapshot every five seconds

An error in this folder must not stop the bridge. If the files cannot be written, one line is logged, and a limited
number of events and points stays in memory.
"""
