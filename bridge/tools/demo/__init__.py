"""Demo: a simulated factory, a broker, a local Kinesis and the bridge on this machine, without an account.

run.py                 the sequence: start everything, run, stop everything
demo_run.py            one run: publish, read back, check
factory.py             messages of the simulated machines; simulator.py: the factory as a separate program
message_publisher.py   publisher for these messages
broker.py              mosquitto, or the embedded amqtt
local_kinesis.py       moto as a local Kinesis
example_mappings.py    copies the mappings in mappings/ for the user
instructions.py        text at the start
keyboard.py            keys during the demo
report.py              a line per second, and the ledger at the end
"""
