# Copyright (c) cape_mm contributors. All rights reserved.
from .cephalometric_measurement_metric import CephalometricMeasurementMetric
from .cephalometric_metric import CephalometricMetric

__all__ = ['CephalometricMeasurementMetric', 'CephalometricMetric']
