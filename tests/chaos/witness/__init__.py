"""Put into the functions' zip around modules of handlers/: they write down what happened, outside the protocol."""
