"""Jobs of the worker process: what the page does with texts that users typed, which may need any time and memory."""
