schema = 'document19'
num_landmarks = 19
