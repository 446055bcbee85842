"""Weights of networks: reading and checking files, the folder where they are stored, their licences."""
