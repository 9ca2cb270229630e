"""The demo's shop window: Vereda's catalogue and help pages, with the chat on every one."""
