"""How good predictions are, and how sure that is: metrics, intervals, tables, figures (method.md, section 8).

Everything takes arrays of numpy and gives numbers; nothing here knows a network.
"""
