"""Jobs of the worker process. They evaluate texts from users, which may need any amount of time and memory."""
