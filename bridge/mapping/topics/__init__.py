"""Topic patterns and the subscriptions that cover them."""
