"""Two dumps of one model: their problems paired, their arrays compared, and the first difference explained."""
