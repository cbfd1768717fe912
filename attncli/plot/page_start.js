// --- everything is there: draw it

measure();
refresh();
reveal();
