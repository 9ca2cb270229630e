"""Seeing inside: logs, metrics and traces, none of which ever holds a customer's words."""
