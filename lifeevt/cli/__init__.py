"""The `lifeevt` command. It needs the `cli` extra, which no other package of lifeevt imports.

    recording ─► playback ─► run ─► summary
                              └─► view

A recording is a file of events; playback submits them at their times; a run has the state, the engine and the loop;
the summary is what the command prints at the end, the view what it shows until then. app is the command line.
"""
