"""The JMESPath compiler."""
