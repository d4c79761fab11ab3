//! What a person or a script sees: command line, prompt, tables, JSON.
