"""The `lifeevt` command. It needs the `cli` extra, which no other package of lifeevt imports.

    recording ─► playback ─► run ─► summary
                              └─► view

A recording is a file of events, and a playback submits them at their times. A run has the state, the engine and the
loop. A view shows the run while it lasts; the summary is printed at its end. The command line is in app.
"""
