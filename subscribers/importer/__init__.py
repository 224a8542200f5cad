"""From a list of people as a file to what would become of each of its rows. Nothing is written."""
