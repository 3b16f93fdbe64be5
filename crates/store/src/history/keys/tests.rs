//! Runs against a map, and against bytes that are not what was written.
