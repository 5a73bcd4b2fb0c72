"""Record of a bridge over time: the curves of the last day and the log of events. Both survive a restart.

    curve_values.py     the values of one snapshot that become curves
    time_series.py      one resolution: a ring of points for each curve
    curves.py           three resolutions, for the page and as CSV
    curve_file.py       the file of a fixed size that stores them across restarts
    event.py            one event, and its line in the file
    event_log.py        the file of events, bounded by rotation
    event_list.py       events of all workers as one list
    event_detection.py  events that follow from two snapshots
    recorder.py         owner of all of this: one observation every five seconds

No error here may stop the bridge. If the files cannot be written, that is logged once, and a limited amount stays in
memory.
"""
