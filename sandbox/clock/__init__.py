"""The sandbox's wall clock: real time until it is moved, and then ahead of it.

`wall` moves the time of a process, `timers` are the waits that follow it, `stillness` sees whether anything runs, and
`clock` moves it from one thing that is due to the next.
"""
