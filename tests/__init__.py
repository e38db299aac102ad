"""Tests, room by room, as the package is built.

``tests/<room>/test_<module>.py`` mirrors ``mlcycle/<room>/_<module>.py``, and the ground floor lies beside this file.
A mirror tests its module's own contract: values, edges, errors with their words. It opens no project, nor a store where
the module needs none, and takes milliseconds. What takes several modules, a whole store or another process has a file
named after what it shows (``test_old_fold.py``, ``test_log_processes.py``).
"""
