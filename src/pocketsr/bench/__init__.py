"""Speed and quality of networks: the figures that the project shows.

from pocketsr.bench.speed import measure_speed
"""
