schema = 'aariz29'
num_landmarks = 29
