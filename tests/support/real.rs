//! The real runtimes, driven by the scripted model.
