"""The parts that a rendered drone flight is made of; `detector.data.rendered` is the way in."""
