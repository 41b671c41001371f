# Copyright (c) cape_mm contributors. All rights reserved.
