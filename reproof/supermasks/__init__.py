"""Supermasks: masks that make a network accurate whose weights are never trained, learned or searched for."""
