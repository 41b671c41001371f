_base_ = ['../pavenet_tiny_stick-figures.py']

# Only the poses of middle frames are supervised.
model = dict(head=dict(criterion=dict(neighbour_weight=0.0)))
