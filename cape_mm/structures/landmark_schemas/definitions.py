# Copyright (c) cape_mm contributors. All rights reserved.
"""What a landmark's code means, whichever dataset it comes from.

Seen from the side, face to the right. A prime marks soft tissue.
"""

#: Code -> definition.
from __future__ import annotations

DEFINITIONS = {
    # Cranial base and orbit.
    'S': 'centre of the outline of the pituitary fossa',
    'N': 'front-most point of the fronto-nasal suture',
    'Or': 'lowest point of the lower rim of the orbit',
    'Po': 'top of the bony ear canal, or of the ring of the ear rod',
    'Ar': 'where the rear border of the ramus crosses the cranial base',
    'Ba': 'front margin of the foramen magnum',
    'Bo': 'deepest point of the notch behind the occipital condyle',
    'Ptm': 'lowest point of the pterygomaxillary fissure',
    'PT': 'rear upper border of the pterygomaxillary fissure',
    # Upper jaw.
    'ANS': 'front tip of the hard palate',
    'PNS': 'rear end of the hard palate',
    'A': 'deepest point of the front contour of the upper jaw, between ANS '
    'and the alveolar crest',
    # Lower jaw.
    'B': 'deepest point of the front contour of the lower jaw, between the '
    'alveolar crest and the chin',
    'Pog': 'front-most point of the bony chin',
    'Gn': 'most forward and downward point of the chin, between Pog and Me',
    'Me': 'lowest point of the symphysis',
    'Go': 'most backward and downward point of the angle of the jaw',
    'D': 'centre of the symphysis',
    'Co': 'top of the condyle',
    'R': 'a point of the border of the ramus',
    # Teeth.
    'U1': 'edge of the most prominent upper central incisor',
    'U1a': 'root apex of the most prominent upper central incisor',
    'L1': 'edge of the most prominent lower central incisor',
    'L1a': 'root apex of the most prominent lower central incisor',
    'U5': 'cusp tip of the upper second premolar',
    'L5': 'cusp tip of the lower second premolar',
    'U6': 'cusp tip of the upper first molar',
    'L6': 'cusp tip of the lower first molar',
    'U6m': 'mesial contact point of the upper first molar',
    'L6m': 'mesial contact point of the lower first molar',
    # Soft tissue.
    'G': 'front-most point of the forehead',
    "N'": 'deepest point of the soft-tissue root of the nose',
    'Prn': 'tip of the nose',
    'Cm': 'front-most point of the columella of the nose',
    'Sn': 'where the nose meets the upper lip',
    'UL': 'most prominent point of the upper lip',
    'LL': 'most prominent point of the lower lip',
    "UL'": 'border of the upper lip between skin and vermilion',
    "LL'": 'border of the lower lip between skin and vermilion',
    "Pog'": 'front-most point of the soft-tissue chin',
    "Gn'": 'most forward and downward point of the soft-tissue chin',
    "Me'": 'lowest point of the soft-tissue chin',
    'C': 'where the floor of the mouth meets the neck',
}
