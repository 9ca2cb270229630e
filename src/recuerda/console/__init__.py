"""The agents' console: review what was remembered, look after customers, take over conversations."""
