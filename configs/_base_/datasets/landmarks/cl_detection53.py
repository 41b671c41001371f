schema = 'cl_detection53'
num_landmarks = 53
