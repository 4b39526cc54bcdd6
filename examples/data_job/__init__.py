"""Load files in worker processes; a file that is wrong fails alone: `python -m examples.data_job`."""
