"""Jobs of the worker process: evaluations of texts from users, which may need any amount of time and memory."""
