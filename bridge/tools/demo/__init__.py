"""Demo on this machine: a simulated factory, a broker, a local Kinesis and the bridge. It needs no AWS account.

lifecycle.py           starts all parts, runs the demo, and stops all parts
demo_run.py            one run: publishes messages, reads the records back, and checks them
factory.py             messages of the simulated machines
simulator.py           the factory as a separate program
message_publisher.py   MQTT publisher for these messages
broker.py              mosquitto, or the embedded amqtt
local_kinesis.py       moto as a local Kinesis
example_mappings.py    copies the mappings in mappings/ for the user
instructions.py        text at the start of the demo
keyboard.py            keys that the user presses
report.py              a line per second, and the ledger at the end
"""
