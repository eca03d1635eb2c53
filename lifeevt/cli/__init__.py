"""The `lifeevt` command; needs the `cli` extra, which nothing outside this folder imports.

playback ─► run ─► summary ─► app: who brings the events, the being they meet, what came of it, and
the command line. baseline replays the events through the synchronous loop; view shows a run live.
"""
