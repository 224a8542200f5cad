"""Whether mail from the sending domain can be trusted by who gets it, and what to change if not.

Modules named after what they judge are pure: they are handed a way to look up records, or what the
relay said, and return findings. Only `resolver` asks DNS and only `greeting` asks the relay;
`checking` puts it all together.
"""
