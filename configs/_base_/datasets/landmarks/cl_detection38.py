schema = 'cl_detection38'
num_landmarks = 38
